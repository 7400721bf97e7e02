import type { Command, ToolResult } from "../../src/cli/daemon/installation.ts";
import type { FileAccess, Machine } from "../../src/cli/daemon/machine.ts";
import type { Terminal } from "../../src/cli/terminal.ts";

type Answer = Partial<ToolResult>;

export interface FakeMachineSettings {
  readonly platform?: NodeJS.Platform;
  readonly uid?: number | undefined;
  readonly executable?: string;
  readonly isCompiled?: boolean;
  /** Paths that are there from the beginning. */
  readonly paths?: readonly string[];
  readonly access?: FileAccess;
  /** What tools answer, by a beginning of the command line; the longest one counts. Others succeed in silence. */
  readonly answers?: Readonly<Record<string, Answer>>;
}

/** A machine that remembers what is done to it, and on which no tool runs. */
export interface FakeMachine extends Machine {
  readonly commands: string[];
  readonly files: Map<string, Uint8Array>;
}

export function createFakeMachine(settings: FakeMachineSettings = {}): FakeMachine {
  const { platform = "linux", answers = {}, access = { mode: 0o644, group: 0 } } = settings;
  const commands: string[] = [];
  const files = new Map<string, Uint8Array>();
  const systemd = platform === "linux" ? ["/run/systemd/system"] : [];
  const paths = settings.paths ?? systemd;
  const answerTo = (line: string): Answer => {
    const beginnings = Object.keys(answers).filter((beginning) => line.startsWith(beginning));
    return answers[beginnings.toSorted((one, other) => other.length - one.length)[0] ?? ""] ?? {};
  };
  return {
    platform,
    uid: "uid" in settings ? settings.uid : 0,
    home: "/home/ada",
    executable: settings.executable ?? "/usr/local/bin/olla",
    isCompiled: settings.isCompiled ?? true,
    tempFolders: ["/tmp", "/private/tmp"],
    commands,
    files,
    exists: (path) => files.has(path) || paths.includes(path),
    access: async () => access,
    run: async (command: Command) => {
      const line = command.join(" ");
      commands.push(line);
      return { code: 0, output: "", ...answerTo(line) };
    },
    makeFolder: async (path) => void commands.push(`make ${path}`),
    write: async (path, bytes) => {
      commands.push(`write ${path}`);
      files.set(path, bytes);
    },
    remove: async (path) => {
      commands.push(`remove ${path}`);
      files.delete(path);
    },
  };
}

export interface PaperTerminal extends Terminal {
  readonly printed: { out: string; err: string };
}

/** A terminal that is no screen, and keeps what is printed. */
export function createPaperTerminal(cwd: string, env: Readonly<Record<string, string>> = {}): PaperTerminal {
  const printed = { out: "", err: "" };
  return {
    printed,
    out: (text) => {
      printed.out += text;
    },
    err: (text) => {
      printed.err += text;
    },
    env,
    cwd,
    isScreen: false,
    exitNow: (code) => {
      throw new Error(`exited with ${code}`);
    },
  };
}
