import { chown, lstat, mkdir, mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { within } from "../../support/wait-until.ts";

const script = join(import.meta.dir, "../../../install.sh");
const isRoot = process.getuid?.() === 0;
/** Of nobody, on every system. */
const ordinaryId = 65_534;
/** Looked up here, because a test may give a path that lacks it. */
const becomeOrdinary = isRoot
  ? [Bun.which("setpriv") ?? "setpriv", `--reuid=${ordinaryId}`, `--regid=${ordinaryId}`, "--clear-groups"]
  : [];

export interface Installation {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface InstallSettings {
  /** Of the mirror; a place where nothing listens when not given. */
  readonly baseUrl?: string;
  readonly shell?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** What is piped into the shell; install.sh when not given. */
  readonly script?: string;
}

/** Somebody with an empty home and no rights, who pipes install.sh into a shell. */
export class Newcomer implements AsyncDisposable {
  readonly home: string;

  private constructor(home: string) {
    this.home = home;
  }

  static async arrive(): Promise<Newcomer> {
    const home = await mkdtemp(join(tmpdir(), "olla-newcomer-"));
    if (isRoot) await chown(home, ordinaryId, ordinaryId);
    return new Newcomer(home);
  }

  get program(): string {
    return join(this.home, ".local/bin/olla");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.home, { recursive: true, force: true });
  }

  /** Runs `… | sh -s -- args`. */
  async install(args: readonly string[], settings: InstallSettings = {}): Promise<Installation> {
    const { baseUrl = "http://127.0.0.1:1", shell = ["sh"], env = {} } = settings;
    const input = settings.script ?? (await Bun.file(script).text());
    return await this.run([...shell, "-s", "--", ...args], { OLLA_BASE_URL: baseUrl, ...env }, input);
  }

  /** Runs a program as this user, in the home folder. */
  async run(
    command: readonly string[],
    env: Readonly<Record<string, string>> = {},
    input = "",
  ): Promise<Installation> {
    const child = Bun.spawn([...becomeOrdinary, ...command], {
      cwd: this.home,
      env: { PATH: process.env.PATH ?? "", HOME: this.home, TMPDIR: tmpdir(), ...env },
      stdin: new TextEncoder().encode(input),
      stdout: "pipe",
      stderr: "pipe",
    });
    const written = Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
    const code = await within(child.exited, 60_000, command.join(" "));
    const [stdout, stderr] = await written;
    return { code, stdout, stderr };
  }

  /** Every file and folder in the home, below it and sorted. */
  files(): string[] {
    return [...new Bun.Glob("**/*").scanSync({ cwd: this.home, dot: true, onlyFiles: false })].toSorted();
  }

  /** Writes a file that is theirs, and the folders to it. @returns its path */
  async write(path: string, text: string, mode = "644"): Promise<string> {
    const file = join(this.home, path);
    const write = 'mkdir -p "$1" && cat >"$2" && chmod "$3" "$2"';
    const { code, stderr } = await this.run(["sh", "-c", write, "sh", dirname(file), file, mode], {}, text);
    if (code !== 0) throw new Error(stderr);
    return file;
  }

  /** A folder with links to these programs and no others, for a `PATH` that lacks the rest. */
  async folderOfTools(names: readonly string[]): Promise<string> {
    const folder = join(this.home, "tools");
    await mkdir(folder);
    for (const name of names) {
      const program = Bun.which(name);
      if (program === null) throw new Error(`this machine has no ${name}`);
      await symlink(program, join(folder, name));
    }
    return folder;
  }
}

/** Tells one file from another that has its name. */
export async function inodeOf(path: string): Promise<number> {
  return (await lstat(path)).ino;
}
