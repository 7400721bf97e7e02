import { existsSync } from "node:fs";
import { mkdir, realpath, rm, stat, writeFile } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import type { Command, ToolResult } from "./installation.ts";

/** Permission bits and group of a file. */
export interface FileAccess {
  readonly mode: number;
  readonly group: number;
}

/** What `olla service` has to know of the machine, and does to it. Tests hand in their own. */
export interface Machine {
  readonly platform: NodeJS.Platform;
  /** Of the user; 0 is root. Undefined on Windows. */
  readonly uid: number | undefined;
  readonly home: string;
  /** The program that runs now, by a name that stays after an update where there is one. */
  readonly executable: string;
  /** As against run from source, by a Bun that a service should not depend on. */
  readonly isCompiled: boolean;
  /** Without links in them. */
  readonly tempFolders: readonly string[];
  exists(path: string): boolean;
  /** Undefined for a file that is not there. */
  access(path: string): Promise<FileAccess | undefined>;
  run(command: Command): Promise<ToolResult>;
  makeFolder(path: string): Promise<void>;
  write(path: string, bytes: Uint8Array): Promise<void>;
  /** Does nothing where there is no such file. */
  remove(path: string): Promise<void>;
}

export async function thisMachine(): Promise<Machine> {
  return {
    platform: process.platform,
    uid: process.getuid?.(),
    home: homedir(),
    executable: await findExecutable(),
    isCompiled: Bun.isStandaloneExecutable,
    tempFolders: await Promise.all(
      [tmpdir(), "/tmp", "/var/tmp"].map((path) => realpath(path).catch(() => path)),
    ),
    exists: existsSync,
    access: (path) =>
      stat(path).then(
        ({ mode, gid }) => ({ mode, group: gid }),
        () => undefined,
      ),
    run,
    async makeFolder(path) {
      await mkdir(path, { recursive: true });
    },
    write: (path, bytes) => writeFile(path, bytes, { mode: 0o644 }),
    remove: (path) => rm(path, { force: true }),
  };
}

/** A package manager keeps versions in folders of their own, and a link in the search path to the newest. */
async function findExecutable(): Promise<string> {
  const own = await realpath(process.execPath);
  const found = Bun.which("olla");
  const isSame = found !== null && (await realpath(found).catch(() => "")) === own;
  return isSame ? found : own;
}

async function run(command: Command): Promise<ToolResult> {
  try {
    const child = Bun.spawn([...command], { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
    const output = Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
    return { code: await child.exited, output: (await output).join("") };
  } catch (error) {
    return { code: 127, output: error instanceof Error ? error.message : String(error) };
  }
}
