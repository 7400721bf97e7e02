import { readFileSync } from "node:fs";
import { availableParallelism, release, totalmem } from "node:os";
import { findProgram } from "./other-proxies.ts";

/** What a run says about where and of what it was made; nothing that tells one machine from another of its class. */
export interface Setting {
  readonly date: string;
  readonly machine: string;
  readonly versions: Readonly<Record<string, string>>;
}

function outputOf(command: readonly string[]): string {
  const run = Bun.spawnSync([...command], { stdout: "pipe", stderr: "pipe" });
  return `${run.stdout}${run.stderr}`;
}

function versionIn(text: string): string {
  return /\d+\.\d+\.\d+\S*/.exec(text)?.[0] ?? "unknown";
}

function versionOf(name: string, flag: string): Record<string, string> {
  const program = findProgram(name);
  return program === undefined ? {} : { [name]: versionIn(outputOf([program, flag])) };
}

function processorModel(): string {
  const info = readFileSync("/proc/cpuinfo", "utf8");
  return /^model name\s*:\s*(.+)$/m.exec(info)?.[1]?.trim() ?? process.arch;
}

function ollaVersion(command: readonly string[]): string {
  const text = outputOf([...command, "--version"]);
  return `${versionIn(text)}, commit ${/commit\s+(\S+)/.exec(text)?.[1] ?? "unknown"}`;
}

/** @param ollaCommand whose version is asked for */
export function readSetting(ollaCommand: readonly string[]): Setting {
  const gibibytes = (totalmem() / 2 ** 30).toFixed(0);
  return {
    date: new Date().toISOString().slice(0, 10),
    machine: `${availableParallelism()} × ${processorModel()}, ${gibibytes} GiB, ${process.platform} ${release()} ${process.arch}`,
    versions: {
      olla: ollaVersion(ollaCommand),
      bun: Bun.version,
      ...versionOf("nginx", "-v"),
      ...versionOf("haproxy", "-v"),
    },
  };
}
