import { describe, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { waitUntil, within } from "../support/wait-until.ts";
import { isAskedFor, reason } from "./support/asked-for.ts";

const root = join(import.meta.dir, "../..");
/** Downloading and unpacking what package.json names takes most of it. */
const limitMs = 5 * 60_000;

/** The first block of shell commands in the README: one line, with what to type with Bun behind a `#`. */
async function readCommands(): Promise<Readonly<Record<"npm" | "Bun", string>>> {
  const readme = await Bun.file(join(root, "README.md")).text();
  const [, npm, bun] = /```sh\n([^#\n]+?) +# or: ([^\n]+)\n```/.exec(readme) ?? [];
  if (npm === undefined || bun === undefined) throw new Error("README.md does not begin with two commands");
  return { npm, Bun: bun };
}

describe.skipIf(!isAskedFor)(`a fresh clone, with an empty home${reason}`, () => {
  for (const tool of ["npm", "Bun"] as const) {
    test(
      `streams an answer after the README's first command for ${tool}`,
      async () => {
        const command = (await readCommands())[tool];
        await using clone = await FreshClone.create();
        await using demo = clone.start(command);
        const curl = await waitUntil(() => /^curl -N .*$/m.exec(demo.output())?.[0], {
          deadlineMs: limitMs,
          what: `the demo of "${command}" says what to paste:\n${demo.output()}`,
        });
        const pieces = await clone.readPieces(curl);
        // One word after the other, and not the whole answer at its end.
        expect(pieces.length).toBeGreaterThan(5);
        expect(pieces.join("")).toMatch(/^data: \{[\s\S]*simulated[\s\S]*data: \[DONE\]\n\n$/);
        await demo.interrupt();
        await expect(fetch(new URL("/internal/health", /http:[^ ]+/.exec(curl)?.[0]))).rejects.toThrow();
      },
      limitMs,
    );
  }
});

interface RunningCommand extends AsyncDisposable {
  output(): string;
  /** What Ctrl-C does: everything that the command started gets the signal. Waits until nothing of it is left. */
  interrupt(): Promise<void>;
}

class FreshClone implements AsyncDisposable {
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  static async create(): Promise<FreshClone> {
    const folder = await mkdtemp(join(tmpdir(), "olla-clone-"));
    const git = ["git", "clone", "--quiet", "--no-hardlinks", root, join(folder, "olla")];
    const { success, stderr } = Bun.spawnSync(git);
    if (!success) throw new Error(stderr.toString());
    return new FreshClone(folder);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }

  start(command: string): RunningCommand {
    const child = Bun.spawn(["sh", "-c", command], {
      cwd: join(this.#folder, "olla"),
      env: this.#environment(),
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
      detached: true,
    });
    let written = "";
    const gather = async (stream: ReadableStream<Uint8Array>): Promise<void> => {
      const decoder = new TextDecoder();
      for await (const piece of stream) written += decoder.decode(piece, { stream: true });
    };
    const gathered = Promise.all([gather(child.stdout), gather(child.stderr)]);
    return {
      output: () => written,
      async interrupt() {
        process.kill(-child.pid, "SIGINT");
        await within(gathered, 10_000, "everything that the command started ends");
        await child.exited;
      },
      async [Symbol.asyncDispose]() {
        if (child.exitCode === null && child.signalCode === null) process.kill(-child.pid, "SIGKILL");
        await child.exited;
      },
    };
  }

  /** What a command writes, in the pieces in which it writes it. */
  async readPieces(command: string): Promise<string[]> {
    const child = Bun.spawn(["sh", "-c", command], { env: this.#environment(), stderr: "ignore" });
    const pieces: string[] = [];
    const decoder = new TextDecoder();
    for await (const piece of child.stdout) pieces.push(decoder.decode(piece, { stream: true }));
    return pieces;
  }

  #environment(): Record<string, string | undefined> {
    // The Bun that the project brings stands in for one that is installed.
    const path = `${join(root, "node_modules/.bin")}:${process.env.PATH}`;
    return { ...process.env, PATH: path, HOME: join(this.#folder, "home"), BUN_INSTALL: undefined };
  }
}
