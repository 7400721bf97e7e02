import type { FirstLook } from "./app/fleet.ts";
import { createGeneration, idleTimeoutSeconds } from "./app/generation.ts";
import { createKeptParts } from "./app/kept-parts.ts";
import { createListenerTls } from "./app/listener-tls.ts";
import type { AppOptions, InForce } from "./app/options.ts";
import { createReload } from "./app/reload.ts";
import { runFigures } from "./app/run-figures.ts";
import type { ReloadCause, ReloadReport } from "./config/reload-report.ts";
import { type Listener, type ListenOptions, listen } from "./server/listen.ts";

export interface AppAddress {
  readonly url: string;
  readonly port: number;
  /** Where `/internal/` is; the same as `url` unless it has a port of its own. */
  readonly adminUrl: string;
  /** Of the page for operators; undefined while it is switched off, and behind a Unix socket, where no browser looks. */
  readonly dashboardUrl: string | undefined;
}

export interface App {
  /**
   * Opens the ports at once, whether endpoints are there or not, and begins to look at them.
   * @throws ListenError when one can't be opened, RequestLogRefusal when the request log is to go where it may not
   */
  start(): AppAddress;
  /** Resolves when every endpoint has been looked at once. Never rejects; call it after `start`. */
  firstLook(): Promise<FirstLook>;
  /**
   * Reads the settings anew and puts them in force, or says why not. Only with `reloading`.
   * @throws Error without it
   */
  reload(cause: ReloadCause): Promise<ReloadReport>;
  /** Stops accepting, lets running answers finish within `server.shutdown_timeout`, ends every loop. */
  stop(): Promise<"drained" | "aborted">;
}

/**
 * Wires every part from one validated configuration. Nothing runs before `start`. What answers requests is a generation,
 * which a reload replaces; what is known of endpoints and counted of requests is kept.
 */
export function createApp(options: AppOptions): App {
  const { logger, clock } = options;
  const inForce: InForce = { settings: options };
  const kept = createKeptParts(options, inForce);
  const reload =
    options.reloading &&
    createReload(options, options.reloading, {
      kept,
      inForce,
      renew(settings) {
        const next: AppOptions = { ...options, ...settings };
        kept.apply(next);
        const before = generation;
        generation = createGeneration(next, kept, reload);
        before.retire();
      },
    });
  let generation = createGeneration(options, kept, reload);
  const { config } = options;
  const listenerTls = createListenerTls(options);
  const listeners: Listener[] = [];
  const open = (address: Pick<ListenOptions, "port" | "portKey" | "fetch">) => {
    const listener = listen({
      ...address,
      host: config.server.host,
      idleTimeoutSeconds: idleTimeoutSeconds(options),
      tls: listenerTls.tls,
      clock,
      onUnexpectedError: (error) => logger.error("a request escaped its handler", { error: String(error) }),
      onPortLost: (error) => logger.error("The port could not be opened again", { error: String(error) }),
    });
    listeners.push(listener);
    return listener;
  };
  return {
    start() {
      const { port, admin } = config.server;
      kept.records.start();
      // First, so that nobody meets a main port whose admin port is missing.
      const ofAdmin =
        admin.port === undefined
          ? undefined
          : open({
              port: admin.port,
              portKey: "server.admin.port",
              fetch: (request, connection) => generation.router.fetchAdmin(request, connection),
            });
      const main = open({
        port: options.port ?? port,
        portKey: "server.port",
        fetch: (request, connection) => generation.router.fetch(request, connection),
      });
      listenerTls.start(listeners);
      kept.fleet.start();
      const adminUrl = ofAdmin?.url ?? main.url;
      const hasPage = config.dashboard.enabled && !adminUrl.startsWith("unix:");
      const dashboardUrl = hasPage ? `${adminUrl}/internal/ui/` : undefined;
      return { url: main.url, port: main.port, adminUrl, dashboardUrl };
    },
    firstLook: kept.fleet.firstLook,
    reload(cause) {
      if (reload === undefined)
        throw new Error("This app was started without a way to read its settings again");
      return reload.run(cause);
    },
    async stop() {
      generation.router.beginDrain();
      listenerTls.stop();
      const { server, engineering } = inForce.settings.config;
      const endings = await Promise.all(listeners.map((listener) => listener.stop(server.shutdown_timeout)));
      if (engineering.show_nerdstats) {
        logger.info("What this run took", runFigures(options, kept.fleet, kept.stats));
      }
      await kept.stop();
      return endings.includes("aborted") ? "aborted" : "drained";
    },
  };
}
