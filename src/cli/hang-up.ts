import { closeSync, openSync } from "node:fs";

export interface HangUpOptions {
  /** Whether Olla was started on a terminal, whose end sends the same signal. */
  readonly isScreen: boolean;
  /** The administrator wants the configuration read again. */
  onReload(): void;
  /** The terminal has gone, and nobody is left to stop Olla by hand. */
  onTerminalGone(): void;
  /** Tests give their own. */
  readonly hasTerminal?: () => boolean;
}

/** SIGHUP has two meanings, which only the terminal tells apart. Windows knows the second one alone. */
export function answerHangUp({ isScreen, onReload, onTerminalGone, hasTerminal }: HangUpOptions): void {
  const isTerminalThere = (hasTerminal ?? hasControllingTerminal)();
  if (isScreen && !isTerminalThere) onTerminalGone();
  else onReload();
}

/** A process whose terminal has hung up has none any more. */
function hasControllingTerminal(): boolean {
  if (process.platform === "win32") return false;
  try {
    closeSync(openSync("/dev/tty", "r"));
    return true;
  } catch {
    return false;
  }
}
