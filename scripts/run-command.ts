import { resolve } from "node:path";

/** Of the project. */
export const root = resolve(import.meta.dir, "..");

export interface RunOptions {
  /** The project's folder when not given. */
  readonly cwd?: string;
  /** Besides what this process has. */
  readonly env?: Readonly<Record<string, string>>;
  /** Milliseconds after which it is ended; no limit when not given. */
  readonly timeout?: number;
}

/** Runs a program whose output goes where this one's goes. @returns its exit code */
export async function runCommand(
  command: readonly string[],
  { cwd = root, env = {}, timeout }: RunOptions = {},
): Promise<number> {
  const child = Bun.spawn([...command], {
    cwd,
    env: { ...process.env, ...env },
    stdin: "ignore",
    stdout: "inherit",
    stderr: "inherit",
    ...(timeout !== undefined && { timeout }),
  });
  return await child.exited;
}

/** The same for the Bun that runs this: its own commands, or a script. */
export function runBun(args: readonly string[], options?: RunOptions): Promise<number> {
  return runCommand([process.execPath, ...args], options);
}
