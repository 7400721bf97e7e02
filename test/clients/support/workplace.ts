import { mkdir, mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type Exchange, SocketServer } from "../../support/socket-server.ts";

export interface ProgramRun {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly timeLimitMs?: number;
}

/**
 * A home and a working folder of its own for one program, with nothing of this machine's user in it. Whatever the
 * program asks of the world outside ends at a proxy that writes it down and refuses.
 */
export class Workplace implements AsyncDisposable {
  readonly #root: string;
  readonly #proxy: SocketServer;
  readonly #outside: string[] = [];

  private constructor(root: string) {
    this.#root = root;
    this.#proxy = new SocketServer((exchange: Exchange) => {
      this.#outside.push(`${exchange.method} ${exchange.target}`);
      return exchange.respondJson({ error: "nothing outside is reachable from a test" }, 403);
    });
  }

  /** @param files by path, below the root: `home/…` or `work/…` */
  static async make(files: Readonly<Record<string, string | Uint8Array>> = {}): Promise<Workplace> {
    const place = new Workplace(await mkdtemp(join(tmpdir(), "olla-client-")));
    for (const folder of [place.home, place.work, place.temporary]) await mkdir(folder, { recursive: true });
    for (const [name, content] of Object.entries(files)) await place.write(name, content);
    return place;
  }

  get home(): string {
    return join(this.#root, "home");
  }

  get work(): string {
    return join(this.#root, "work");
  }

  get temporary(): string {
    return join(this.#root, "tmp");
  }

  /** What the program wanted from other hosts, as `CONNECT host:port`. */
  get outside(): readonly string[] {
    return this.#outside;
  }

  async write(name: string, content: string | Uint8Array): Promise<void> {
    const file = join(this.#root, name);
    await mkdir(dirname(file), { recursive: true });
    await Bun.write(file, content);
  }

  /** Makes the packages of an installation resolvable from the working folder. */
  async linkModules(folder: string): Promise<void> {
    await symlink(join(folder, "node_modules"), join(this.work, "node_modules"), "junction");
  }

  /** Runs a program to its end; one that takes longer than the limit is killed, and that is a failure. */
  async run(command: readonly string[], options: RunOptions = {}): Promise<ProgramRun> {
    const { env = {}, timeLimitMs = 60_000 } = options;
    const child = Bun.spawn([...command], {
      cwd: this.work,
      env: { ...this.#environment(), ...env },
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    });
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      child.kill("SIGKILL");
    }, timeLimitMs);
    try {
      const [code, stdout, stderr] = await Promise.all([
        child.exited,
        new Response(child.stdout).text(),
        new Response(child.stderr).text(),
      ]);
      if (isLate) throw new Error(`still running after ${timeLimitMs} ms:\n${stdout}\n${stderr}`);
      return { code, stdout, stderr };
    } finally {
      clearTimeout(timer);
    }
  }

  #environment(): Record<string, string> {
    return {
      PATH: process.env.PATH ?? "",
      HOME: this.home,
      TMPDIR: this.temporary,
      LANG: "C.UTF-8",
      HTTP_PROXY: this.#proxy.url,
      HTTPS_PROXY: this.#proxy.url,
      NO_PROXY: "127.0.0.1,localhost",
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#proxy[Symbol.asyncDispose]();
    await rm(this.#root, { recursive: true, force: true, maxRetries: 5 });
  }
}
