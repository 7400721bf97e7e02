import type { AppSettings, SettingsReading } from "../../src/app/options.ts";
import { loadTracing } from "../../src/app/tracing.ts";
import { createApp } from "../../src/app.ts";
import { readTextFile } from "../../src/config/find-file.ts";
import { loadConfig } from "../../src/config/load.ts";
import type { ReloadReport } from "../../src/config/reload-report.ts";
import { buildIdentity } from "../../src/lib/build-identity.ts";
import { type Clock, systemClock } from "../../src/lib/clock.ts";
import { formatJson } from "../../src/lib/log-format.ts";
import { createLogger } from "../../src/lib/log-writer.ts";
import { loadProfiles } from "../../src/profiles/load.ts";
import { accessRecords, type LogRecord } from "./log-lines.ts";
import { type OllaSettings, renderConfig } from "./olla-config.ts";
import { waitUntilReady } from "./olla-readiness.ts";

export type { EndpointSettings, OllaSettings } from "./olla-config.ts";

/** The whole app on a free loopback port. */
export interface RunningOlla extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  /** Everything logged so far. */
  output(): string;
  /** One record per answered request. */
  accessLog(): LogRecord[];
  /** Writes other parts into the configuration, and has it read again. */
  reload(changed: Partial<OllaSettings>): Promise<ReloadReport>;
  /** Stops accepting and resolves when running answers have ended, or were cut at `shutdown_timeout`. */
  stop(): Promise<void>;
}

const configPath = "/nowhere/olla.yaml";

/**
 * Builds the app as `olla serve` does, from the text of a configuration, inside this process, and waits until it is
 * ready. The default port stands in the text because 0 is no valid one there.
 */
export async function startOlla(
  initial: OllaSettings,
  clock: Clock = systemClock,
  env: Readonly<Record<string, string>> = {},
): Promise<RunningOlla> {
  let settings = initial;
  const written: string[] = [];
  const logger = createLogger({
    level: "debug",
    format: formatJson,
    output: { write: (line) => written.push(line), flush: () => Promise.resolve() },
    clock,
  });
  const read = async (): Promise<SettingsReading> => {
    const text = renderConfig(settings, 40114);
    const loaded = await loadConfig({
      path: configPath,
      env,
      cwd: "/",
      readFile: async (path) => (path === configPath ? text : await readTextFile(path)),
    });
    const { config, problems } = loaded;
    if (config === undefined) return { settings: undefined, problems };
    const { profiles } = loadProfiles({ filter: config.proxy.profile_filter });
    const startTracing = await loadTracing(loaded.otlp, { config, clock, logger, build: buildIdentity });
    const { isSet, file: configFile } = loaded;
    return { settings: { config, isSet, configFile, profiles, startTracing }, problems };
  };
  const first = await read();
  if (first.settings === undefined) {
    throw new Error(`the test's configuration is wrong: ${JSON.stringify(first.problems)}`);
  }
  const follow = ({ config }: AppSettings) => logger.setLevel(config.logging.level);
  follow(first.settings);
  const app = createApp({
    ...first.settings,
    logger,
    clock,
    build: buildIdentity,
    port: 0,
    reloading: { read, onApplied: follow },
  });
  const { url, port } = app.start();
  let stopped: Promise<unknown> | undefined;
  const stop = async (): Promise<void> => {
    stopped ??= app.stop();
    await stopped;
  };
  try {
    await waitUntilReady(url, settings);
  } catch (error) {
    await stop();
    throw new Error(`olla did not get ready:\n${written.join("")}`, { cause: error });
  }
  return {
    url,
    port,
    output: () => written.join(""),
    accessLog: () => accessRecords(written.join("")),
    reload(changed) {
      settings = { ...settings, ...changed };
      return app.reload("request");
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}
