import type { LogRecord } from "./log-lines.ts";
import type { OllaSettings } from "./olla-config.ts";
import { spawnOlla } from "./spawn-olla.ts";

export type { EndpointSettings, OllaSettings } from "./olla-config.ts";

/** The whole app on a free loopback port. */
export interface RunningOlla extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  /** Everything logged so far. */
  output(): string;
  /** One record per answered request. */
  accessLog(): LogRecord[];
  /** Stops accepting and resolves when running answers have ended, or were cut at `shutdown_timeout`. */
  stop(): Promise<void>;
}

export async function startOlla(settings: OllaSettings): Promise<RunningOlla> {
  const olla = await spawnOlla(settings);
  return {
    ...olla,
    async stop() {
      olla.signal("SIGTERM");
      await olla.exited;
    },
  };
}
