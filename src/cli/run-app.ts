import { availableParallelism } from "node:os";
import type { App, AppAddress } from "../app.ts";
import type { BuildIdentity } from "../lib/build-identity.ts";
import type { Clock } from "../lib/clock.ts";
import type { LogWriter } from "../lib/log-writer.ts";
import { isInContainer } from "./container.ts";
import { listenForStop } from "./stop-signal.ts";
import type { Terminal } from "./terminal.ts";

/** What is needed of an app to run it. */
export type RunnableApp = Pick<App, "start" | "firstLook" | "stop">;

export interface RunAppOptions {
  readonly app: RunnableApp;
  readonly logger: LogWriter;
  readonly terminal: Terminal;
  readonly clock: Clock;
  /** Called at each SIGHUP; without it the signal ends the process, as the system has it. */
  readonly onHangUp?: () => void;
  /** Called once the ports are open. */
  readonly onStarted?: () => void;
  /** Called when a stop was asked for, before anything ends. */
  readonly onStopping?: () => void;
  /** Tells the operator what was started. Cut short when a stop is asked for. */
  announce(address: AppAddress): Promise<void>;
}

/** Starts the app and keeps it running until a signal. @returns the exit code */
export async function runApp(options: RunAppOptions): Promise<number> {
  const { app, logger, terminal, clock } = options;
  const startedAt = clock.now();
  watchForBugs(logger, terminal);
  const stop = listenForStop(process, {
    onSecond: () => terminal.exitNow(1),
    now: clock.now,
    isUnderPackageManager: Boolean(terminal.env.npm_lifecycle_event),
  });
  if (options.onHangUp !== undefined) process.on("SIGHUP", options.onHangUp);
  let address: AppAddress;
  try {
    address = app.start();
    options.onStarted?.();
  } catch (error) {
    await logger.flush();
    terminal.err(`olla: ${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  }
  await Promise.race([options.announce(address), stop.received]);
  releaseStartMemory();
  const signal = await stop.received;
  const stoppingAt = clock.now();
  options.onStopping?.();
  logger.info("Stopping: no new connections, running answers may finish", { signal });
  try {
    if ((await app.stop()) === "aborted") logger.warn("Time was up: answers under way were cut");
  } catch (error) {
    logger.error("Stopping did not go as planned", { error: String(error) });
  }
  logger.info("Stopped", {
    duration_ms: Math.round(clock.now() - stoppingAt),
    uptime_s: Math.round((clock.now() - startedAt) / 1000),
  });
  await logger.flush();
  return 0;
}

/**
 * Gives back what only the start needed: the tree of the file, the code that read it. Left alone, an idle process
 * keeps it for as long as it idles. Takes some 20 ms, once, when the first look at the endpoints is over.
 */
function releaseStartMemory(): void {
  Bun.gc(true);
  Bun.shrink();
}

/** A mistake of ours in one place must not end everybody's streams without a word. */
function watchForBugs(logger: LogWriter, terminal: Terminal): void {
  process.on("unhandledRejection", (reason) => {
    logger.error("A failure that nobody handled; please report it", { error: describeBug(reason) });
  });
  process.on("uncaughtException", (error) => {
    logger.error("A failure that nobody caught; please report it", { error: describeBug(error) });
    const exit = () => terminal.exitNow(1);
    logger.flush().then(exit, exit);
  });
}

function describeBug(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

/** The first record of a run: what is needed to make sense of all others. */
export function logStart(
  logger: LogWriter,
  terminal: Terminal,
  facts: { build: BuildIdentity; configFile: string | undefined },
): void {
  logger.info("Starting Olla", {
    version: facts.build.version,
    commit: facts.build.commit,
    pid: process.pid,
    config: facts.configFile ?? "",
    runtimeVersion: `Bun ${Bun.version}`,
    numCPU: availableParallelism(),
    isContainerised: isInContainer(terminal.env),
  });
}
