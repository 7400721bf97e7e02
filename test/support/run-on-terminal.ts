import { tmpdir } from "node:os";
import { waitUntil, within } from "./wait-until.ts";

/** A program on a terminal of its own. */
export interface TerminalRun extends AsyncDisposable {
  /** Everything written to the terminal so far, orders to it included. */
  output(): string;
  /** What stands in the last frame that was drawn from the top, without colours and orders. */
  frame(): string;
  /** Resolves when the frame fulfils the condition. */
  shows(condition: (frame: string) => boolean, what: string): Promise<void>;
  type(keys: string): void;
  resize(columns: number, rows: number): void;
  signal(name: NodeJS.Signals): void;
  /** Closes the terminal under the program. */
  hangUp(): void;
  readonly exited: Promise<number>;
}

export function runOnTerminal(
  command: readonly string[],
  {
    columns = 80,
    rows = 24,
    env = {},
  }: { columns?: number; rows?: number; env?: Record<string, string> } = {},
): TerminalRun {
  let written = "";
  const decoder = new TextDecoder();
  const child = Bun.spawn([...command], {
    cwd: tmpdir(),
    env: { PATH: process.env.PATH ?? "", HOME: tmpdir(), TERM: "xterm-256color", ...env },
    terminal: {
      cols: columns,
      rows,
      data(_terminal, data) {
        written += decoder.decode(data, { stream: true });
      },
    },
  });
  const run: TerminalRun = {
    output: () => written,
    frame: () => Bun.stripANSI(written.split("\u001b[H").at(-1) ?? "").replaceAll("\r", ""),
    async shows(condition, what) {
      try {
        await waitUntil(() => condition(run.frame()), { deadlineMs: 15_000, what });
      } catch (error) {
        throw new Error(`the terminal shows:\n${run.frame()}`, { cause: error });
      }
    },
    type: (keys) => void child.terminal?.write(keys),
    resize: (newColumns, newRows) => child.terminal?.resize(newColumns, newRows),
    signal: (name) => child.kill(name),
    hangUp: () => child.terminal?.close(),
    exited: child.exited,
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null) child.kill("SIGKILL");
      await within(child.exited, 5_000, "the program on the terminal ends");
      child.terminal?.close();
    },
  };
  return run;
}
