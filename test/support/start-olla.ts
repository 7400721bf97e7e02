import { loadTracing } from "../../src/app/tracing.ts";
import { createApp } from "../../src/app.ts";
import { readTextFile } from "../../src/config/find-file.ts";
import { loadConfig } from "../../src/config/load.ts";
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
  /** Stops accepting and resolves when running answers have ended, or were cut at `shutdown_timeout`. */
  stop(): Promise<void>;
}

const configPath = "/nowhere/olla.yaml";

/**
 * Builds the app as `olla serve` does, from the text of a configuration, inside this process, and waits until it is
 * ready. The default port stands in the text because 0 is no valid one there.
 */
export async function startOlla(
  settings: OllaSettings,
  clock: Clock = systemClock,
  env: Readonly<Record<string, string>> = {},
): Promise<RunningOlla> {
  const text = renderConfig(settings, 40114);
  const loaded = await loadConfig({
    path: configPath,
    env,
    cwd: "/",
    readFile: async (path) => (path === configPath ? text : await readTextFile(path)),
  });
  if (loaded.config === undefined) {
    throw new Error(`the test's configuration is wrong: ${JSON.stringify(loaded.problems)}`);
  }
  const { profiles } = loadProfiles({ filter: loaded.config.proxy.profile_filter });
  const written: string[] = [];
  const { config } = loaded;
  const logger = createLogger({
    level: config.logging.level,
    format: formatJson,
    output: { write: (line) => written.push(line), flush: () => Promise.resolve() },
    clock,
  });
  const app = createApp({
    config,
    isSet: loaded.isSet,
    profiles,
    logger,
    clock,
    build: buildIdentity,
    port: 0,
    startTracing: await loadTracing(loaded.otlp, { config, clock, logger, build: buildIdentity }),
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
    stop,
    [Symbol.asyncDispose]: stop,
  };
}
