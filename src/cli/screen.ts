import { widthOf } from "./safe-text.ts";
import type { Terminal } from "./terminal.ts";

/** The whole screen of a terminal, for what is drawn again and again. */
export interface Screen {
  /** @param lines no wider than the screen; those that do not fit are left out */
  draw(lines: readonly string[]): void;
  /** Resolves when the user has pressed q or Ctrl-C. */
  readonly quit: Promise<void>;
  /** Gives back the screen as it was. May be called twice. */
  close(): void;
}

/** What is needed of `process.stdin`. */
export interface KeySource {
  readonly isTTY?: boolean;
  setRawMode?(isRaw: boolean): unknown;
  on(event: "data", listener: (bytes: Uint8Array | string) => void): unknown;
  off(event: "data", listener: (bytes: Uint8Array | string) => void): unknown;
  resume(): unknown;
  pause(): unknown;
}

const control = "\u001b[";
/** The other screen, without a cursor, and without line breaks of the terminal's own. */
const enter = `${control}?1049h${control}?25l${control}?7l`;
const leave = `${control}?7h${control}?25h${control}?1049l`;
/** Terminals that know these show a frame only when it is whole; the others ignore them. */
const beginFrame = `${control}?2026h${control}H`;
const endFrame = `${control}?2026l`;
const clearRight = `${control}K`;
const clearBelow = `${control}J`;
const quitKeys = ["q", "Q", "\u0003", "\u0004"];

export function openScreen(terminal: Pick<Terminal, "out" | "size">, keys: KeySource): Screen {
  const { promise: quit, resolve } = Promise.withResolvers<void>();
  const onData = (bytes: Uint8Array | string): void => {
    const text = typeof bytes === "string" ? bytes : new TextDecoder().decode(bytes);
    if (quitKeys.some((key) => text.includes(key))) resolve();
  };
  const hasKeys = keys.isTTY === true && keys.setRawMode !== undefined;
  if (hasKeys) {
    keys.setRawMode?.(true);
    keys.on("data", onData);
    keys.resume();
  }
  terminal.out(enter);
  let isOpen = true;
  return {
    draw(lines) {
      if (!isOpen) return;
      const { columns, rows } = terminal.size?.() ?? {
        columns: Number.POSITIVE_INFINITY,
        rows: lines.length,
      };
      // Each line clears what is left of the old one behind it: nothing is ever blank in between. Behind a line that
      // fills the screen there is nothing, and the cursor still stands on its last character.
      const shown = lines
        .slice(0, rows)
        .map((line) => (widthOf(line) < columns ? `${line}${clearRight}` : line));
      const below = shown.length < rows ? `\r\n${clearBelow}` : "";
      terminal.out(`${beginFrame}${shown.join("\r\n")}${below}${endFrame}`);
    },
    quit,
    close() {
      if (!isOpen) return;
      isOpen = false;
      if (hasKeys) {
        keys.off("data", onData);
        keys.setRawMode?.(false);
        keys.pause();
      }
      terminal.out(leave);
    },
  };
}

/**
 * Ends the program in peace when nobody reads its output any more, as of `olla requests --follow | head`. For commands
 * that write until they are stopped.
 */
export function endWhenUnread(stdout: NodeJS.WriteStream, exitNow: Terminal["exitNow"]): void {
  stdout.on("error", (error) => exitNow("code" in error && error.code === "EPIPE" ? 0 : 1));
}
