import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { within } from "./wait-until.ts";

export interface FinishedRun {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunSettings {
  /** Program and arguments before the ones of the test. */
  readonly command: readonly string[];
  /** Files of the otherwise empty folder that it runs in. */
  readonly files?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs a program until it ends by itself, in a folder of its own, with no environment but the path. */
export async function runToEnd(args: readonly string[], settings: RunSettings): Promise<FinishedRun> {
  const folder = await mkdtemp(join(tmpdir(), "olla-run-"));
  try {
    for (const [name, text] of Object.entries(settings.files ?? {}))
      await Bun.write(join(folder, name), text);
    const child = Bun.spawn([...settings.command, ...args], {
      cwd: folder,
      env: { PATH: process.env.PATH ?? "", HOME: folder, ...settings.env },
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    });
    try {
      const written = Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
      const code = await within(child.exited, 10_000, "the program ends by itself");
      const [stdout, stderr] = await written;
      return { code, stdout, stderr };
    } finally {
      if (child.exitCode === null) child.kill("SIGKILL");
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
