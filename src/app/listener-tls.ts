import type { Listener, ListenerTls } from "../server/listen.ts";
import { createTlsRenewal, type TlsRenewal } from "../server/tls-renewal.ts";
import type { AppOptions } from "./options.ts";

/** The certificate of `server.tls` for every listener, and the loop that renews it. */
export interface ListenerTlsParts {
  /** For `listen`; undefined: plain http. */
  readonly tls: ListenerTls | undefined;
  /** Begins to look for changed files; `listeners` get what is found. */
  start(listeners: readonly Listener[]): void;
  stop(): void;
}

export function createListenerTls({ config, clock, logger }: AppOptions): ListenerTlsParts {
  const configured = config.server.tls;
  if (configured === undefined) return { tls: undefined, start() {}, stop() {} };
  const { cert, key, client_ca: clientCa, min_version: minVersion, files } = configured;
  const tls: ListenerTls = { cert, key, clientCa, minVersion };
  let renewal: TlsRenewal | undefined;
  return {
    tls,
    start(listeners) {
      renewal = createTlsRenewal({
        files,
        initial: tls,
        clock,
        logger,
        onRenewed: (renewed) => {
          for (const listener of listeners) listener.renew(renewed);
        },
      });
      renewal.start();
    },
    stop: () => renewal?.stop(),
  };
}
