import { loadTracing } from "../app/tracing.ts";
import { createApp } from "../app.ts";
import { type ConfigProblem, formatProblem } from "../config/problem.ts";
import type { BuildIdentity } from "../lib/build-identity.ts";
import { systemClock } from "../lib/clock.ts";
import { clearStaleSocket, socketPathOf } from "../server/unix-socket.ts";
import { chooseLogFormat, openLog } from "./log-settings.ts";
import { prepare } from "./preparation.ts";
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
  const { loaded, profiles, naming, problems } = await prepare({ configPath, env, cwd });
  const { config } = loaded;
  const errors = problems.filter((problem) => problem.severity === "error");
  if (config === undefined || errors.length > 0) {
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
  const app = createApp({
    config,
    isSet: loaded.isSet,
    sourceOf: loaded.sourceOf,
    configFile: loaded.file,
    profiles: profiles.profiles,
    naming: naming.naming,
    logger,
    clock,
    build,
    startTracing: await loadTracing(loaded.otlp, { config, clock, logger, build }),
  });
  const supervisor = await findSupervisor({
    env,
    pid: process.pid,
    clock,
    logger,
    openSender: openUnixDatagrams,
  });
  return await runApp({
    app,
    logger,
    terminal,
    clock,
    onStarted: () => supervisor.ready(),
    onStopping: () => supervisor.stopping(config.server.shutdown_timeout),
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
