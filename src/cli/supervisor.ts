import type { Clock } from "../lib/clock.ts";
import type { Logger } from "../lib/log.ts";
import type { SendDatagram } from "./unix-datagram.ts";

/** What started Olla in the background and wants to know how it is: systemd, or nobody. No call throws. */
export interface Supervisor {
  /** The ports are open, or a reload is over, whatever came of it. */
  ready(): void;
  /** The configuration is read anew; `ready` follows. */
  reloading(): void;
  /** Nothing new is accepted from now on. @param graceMs how long running answers may take to end */
  stopping(graceMs: number): void;
  /** One line for people, as `systemctl status` shows it. */
  status(text: string): void;
}

export const unsupervised: Supervisor = { ready() {}, reloading() {}, stopping() {}, status() {} };

export interface SupervisorOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly pid: number;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Asked for once, and only where somebody waits for messages. May throw. */
  openSender(path: string): Promise<SendDatagram>;
}

/** What closing files and writing the last records may take beyond the answers' grace. */
const marginMs = 5_000;

/** Speaks systemd's protocol, sd_notify(3), where the environment says that somebody listens. Never rejects. */
export async function findSupervisor(options: SupervisorOptions): Promise<Supervisor> {
  const { env, logger } = options;
  const path = env.NOTIFY_SOCKET;
  if (path === undefined || path === "") return unsupervised;
  try {
    return createNotifier(await options.openSender(path), options);
  } catch (error) {
    logger.warn("systemd can't be told that Olla is ready: use Type=exec in the unit", {
      socket: path,
      error: error instanceof Error ? error.message : String(error),
    });
    return unsupervised;
  }
}

function createNotifier(sendDatagram: SendDatagram, options: SupervisorOptions): Supervisor {
  const { clock, logger } = options;
  const watchdogMs = readWatchdog(options);
  let isBroken = false;
  let cancelWatchdog: (() => void) | undefined;
  const send = (...lines: readonly string[]): void => {
    if (sendDatagram(lines.join("\n")) || isBroken) return;
    isBroken = true;
    logger.warn("systemd does not take messages", { socket: options.env.NOTIFY_SOCKET });
  };
  const feedWatchdog = (): void => {
    if (watchdogMs === undefined) return;
    send("WATCHDOG=1");
    cancelWatchdog = clock.after(watchdogMs / 2, feedWatchdog);
  };
  return {
    ready() {
      send("READY=1");
      if (cancelWatchdog === undefined) feedWatchdog();
    },
    reloading: () => send("RELOADING=1"),
    stopping(graceMs) {
      // Else systemd would kill what has a longer grace than the unit's TimeoutStopSec.
      send("STOPPING=1", `EXTEND_TIMEOUT_USEC=${Math.ceil((graceMs + marginMs) * 1000)}`);
    },
    status: (text) => send(`STATUS=${text.replace(/\s+/g, " ")}`),
  };
}

/** The longest silence that systemd puts up with, in milliseconds; undefined where it does not watch this process. */
function readWatchdog({ env, pid }: SupervisorOptions): number | undefined {
  const isOther = env.WATCHDOG_PID !== undefined && env.WATCHDOG_PID !== String(pid);
  const microseconds = Number(env.WATCHDOG_USEC);
  return isOther || !(microseconds > 0) ? undefined : microseconds / 1000;
}
