import type { AppSettings, SettingsReading } from "../app/options.ts";
import { loadTracing } from "../app/tracing.ts";
import { createApp } from "../app.ts";
import { createConfigWatch } from "../config/config-watch.ts";
import { type ConfigProblem, formatProblem } from "../config/problem.ts";
import type { BuildIdentity } from "../lib/build-identity.ts";
import { systemClock } from "../lib/clock.ts";
import type { LogWriter } from "../lib/log-writer.ts";
import { clearStaleSocket, socketPathOf } from "../server/unix-socket.ts";
import { answerHangUp } from "./hang-up.ts";
import { chooseLogFormat, openLog } from "./log-settings.ts";
import { type Preparation, prepare } from "./preparation.ts";
import { logStart, runApp } from "./run-app.ts";
import { formatSummary, logSummary } from "./startup-summary.ts";
import { findSupervisor } from "./supervisor.ts";
import { createPainter, hasColour, type Terminal } from "./terminal.ts";
import { openUnixDatagrams } from "./unix-datagram.ts";

export interface ServeOptions {
  readonly configPath: string | undefined;
  readonly terminal: Terminal;
  readonly build: BuildIdentity;
}

function isMistake({ severity, kind }: ConfigProblem): boolean {
  return severity === "error" || kind === "unknown-key";
}

/** Routes requests until it is told to stop. @returns the exit code */
export async function serve({ configPath, terminal, build }: ServeOptions): Promise<number> {
  const { env, cwd } = terminal;
  const preparation = await prepare({ configPath, env, cwd });
  const { loaded, problems } = preparation;
  const { config } = loaded;
  if (config === undefined || hasError(problems)) {
    // A mistyped key does not keep Olla from starting, but who corrects the file wants to know of it now.
    for (const problem of problems.filter(isMistake)) terminal.err(`olla: ${formatProblem(problem)}\n`);
    return 1;
  }
  const clock = systemClock;
  const logger = openLog(config.logging, terminal, clock);
  const isForPeople = chooseLogFormat(config.logging.format, terminal) === "text";
  const painter = createPainter(hasColour(terminal));
  if (isForPeople) terminal.out(`\n${painter.bold(`Olla ${build.version}`)}\n\n`);
  else logStart(logger, terminal, { build, configFile: loaded.file });
  for (const problem of problems) logger.warn(formatProblem(problem), { kind: problem.kind });

  const socketPath = socketPathOf(config.server.host);
  if (socketPath !== undefined) await clearStaleSocket(socketPath);
  const settings = await settingsOf(preparation, logger, build);
  if (settings === undefined) return 1;
  const supervisor = await findSupervisor({
    env,
    pid: process.pid,
    clock,
    logger,
    openSender: openUnixDatagrams,
  });
  let { readPaths } = preparation;
  let inForce = config;
  const follow = (next: AppSettings) => {
    inForce = next.config;
    logger.setLevel(next.config.logging.level);
    if (next.config.config.watch) watch.start();
    else watch.stop();
  };
  const app = createApp({
    ...settings,
    logger,
    clock,
    build,
    reloading: {
      async read() {
        supervisor.reloading();
        // Named, so that a file that is gone is an error and not a wish for no configuration at all.
        const again = await prepare({ configPath: loaded.file ?? configPath, env, cwd });
        readPaths = again.readPaths;
        return await readingOf(again, logger, build);
      },
      onApplied: follow,
      onEnded: () => supervisor.ready(),
    },
  });
  const watch = createConfigWatch({ clock, paths: () => readPaths, onChange: () => app.reload("file") });
  return await runApp({
    app,
    logger,
    terminal,
    clock,
    onHangUp: () =>
      answerHangUp({
        isScreen: terminal.isScreen,
        onReload: () => void app.reload("signal"),
        onTerminalGone: () => process.kill(process.pid, "SIGTERM"),
      }),
    onStarted() {
      follow(settings);
      supervisor.ready();
    },
    onStopping() {
      watch.stop();
      supervisor.stopping(inForce.server.shutdown_timeout);
    },
    async announce(address) {
      const { url, adminUrl } = address;
      supervisor.status(`Listening on ${url}`);
      if (!isForPeople) {
        logger.info("Listening", { url, admin_url: adminUrl === url ? undefined : adminUrl });
        logSummary(logger, await app.firstLook(), address);
        return;
      }
      const source = loaded.file === undefined ? "" : `, as ${loaded.file} says`;
      terminal.out(`  Listening on ${painter.bold(url)}${source}\n`);
      const look = await app.firstLook();
      await logger.flush();
      terminal.out(`${formatSummary(look, url, painter, address)}\n`);
    },
  });
}

function hasError(problems: readonly ConfigProblem[]): boolean {
  return problems.some(({ severity }) => severity === "error");
}

async function readingOf(
  preparation: Preparation,
  logger: LogWriter,
  build: BuildIdentity,
): Promise<SettingsReading> {
  const { problems } = preparation;
  return {
    settings: hasError(problems) ? undefined : await settingsOf(preparation, logger, build),
    problems,
  };
}

/** Undefined where the configuration has errors. */
async function settingsOf(
  { loaded, profiles, naming }: Preparation,
  logger: LogWriter,
  build: BuildIdentity,
): Promise<AppSettings | undefined> {
  const { config } = loaded;
  if (config === undefined) return undefined;
  return {
    config,
    isSet: loaded.isSet,
    sourceOf: loaded.sourceOf,
    configFile: loaded.file,
    profiles: profiles.profiles,
    naming: naming.naming,
    startTracing: await loadTracing(loaded.otlp, { config, clock: systemClock, logger, build }),
  };
}
