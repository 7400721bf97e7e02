import { resolve } from "node:path";
import { formatProblem } from "../../config/problem.ts";
import { UsageError } from "../arguments.ts";
import { prepare } from "../preparation.ts";
import type { Terminal } from "../terminal.ts";
import type { Command, Installation, Wish } from "./installation.ts";
import { describeLaunchd } from "./launchd.ts";
import type { Machine } from "./machine.ts";
import { findObjections, groupNeeded, lacksSystemd, noSystemd } from "./objections.ts";
import { describeScheduledTask } from "./scheduled-task.ts";
import { describeSystemd } from "./systemd.ts";

/** What the three commands of `olla service` are given. */
export interface DaemonOptions {
  readonly terminal: Terminal;
  readonly machine: Machine;
  readonly configPath: string | undefined;
  readonly isDryRun: boolean;
}

/** Lets the system run Olla from now on, also after it starts anew. @returns the exit code */
export async function installDaemon(options: DaemonOptions): Promise<number> {
  const { terminal, machine, isDryRun } = options;
  const { wish, mistakes } = await readWish(options);
  const installation = describe(wish, machine, terminal);
  const objections = [...mistakes, ...(await findObjections(wish, machine))];
  for (const objection of objections) terminal.err(`olla: ${objection}\n`);
  if (isDryRun) {
    terminal.out(formatPlan(installation));
    return objections.length === 0 ? 0 : 1;
  }
  if (objections.length > 0) return 1;
  for (const folder of installation.folders) await machine.makeFolder(folder);
  for (const command of installation.prepare) await machine.run(command);
  await machine.write(installation.file, encode(installation));
  if (!(await runAll(installation.activate, options))) return 1;
  const from =
    wish.configPath ?? "no configuration file: it looks for servers at the usual ports of this machine";
  terminal.out(
    `Olla runs, and starts with ${wish.isForMachine ? "the machine" : "your session"} (${installation.name}).\n\n`,
  );
  const rows = [["configuration", from], ["file", installation.file], ...installation.hints];
  for (const [label, text] of rows) terminal.out(`  ${label}: ${text}\n`);
  return 0;
}

/** Ends Olla and lets the system forget it; what it has written stays. @returns the exit code */
export async function uninstallDaemon(options: DaemonOptions): Promise<number> {
  const { terminal, machine, isDryRun } = options;
  const { deactivate, forget, file } = describe(bareWish(machine), machine, terminal);
  if (isDryRun) {
    const lines = [...deactivate.map(formatCommand), `delete ${file}`, ...forget.map(formatCommand)];
    terminal.out(`${lines.join("\n")}\n`);
    return 0;
  }
  if (!machine.exists(file)) {
    terminal.err(`olla: nothing is installed here: there is no ${file}${whoElse(machine)}\n`);
    return 1;
  }
  for (const command of deactivate) await machine.run(command);
  await machine.remove(file);
  for (const command of forget) await machine.run(command);
  terminal.out(`Olla is stopped and uninstalled (${file}). The executable and the configuration stay.\n`);
  return 0;
}

/** Says whether the system runs Olla. @returns the exit code: 0 when it does, else 1 */
export async function showDaemon({ terminal, machine }: DaemonOptions): Promise<number> {
  if (lacksSystemd(machine)) {
    terminal.err(`olla: ${noSystemd}\n`);
    return 1;
  }
  const { name, query, readState } = describe(bareWish(machine), machine, terminal);
  const state = readState(await machine.run(query));
  const advice =
    state.isInstalled === false ? `${whoElse(machine)}. Install it with \`olla service install\`` : "";
  terminal.out(`${name}: ${state.text}${advice}\n`);
  return state.isRunning ? 0 : 1;
}

function describe(wish: Wish, machine: Machine, { env }: Terminal): Installation {
  const { platform, home, uid } = machine;
  if (platform === "darwin") return describeLaunchd(wish, { home, uid: uid ?? 0 });
  if (platform === "win32") return describeScheduledTask(wish, env.ProgramData ?? "C:\\ProgramData");
  if (platform === "linux") return describeSystemd(wish, env.XDG_CONFIG_HOME || `${home}/.config`);
  throw new UsageError(
    `there are no services of ours on ${platform}: let its init system run \`olla serve\``,
  );
}

function bareWish(machine: Machine): Wish {
  return {
    executable: machine.executable,
    configPath: undefined,
    isForMachine: machine.platform === "win32" || machine.uid === 0,
    shutdownGraceMs: 0,
    needsLowPort: false,
    configGroup: undefined,
  };
}

/** What is asked for, and what is wrong with the configuration that Olla would start with. */
async function readWish(options: DaemonOptions): Promise<{ wish: Wish; mistakes: readonly string[] }> {
  const { machine, configPath, terminal } = options;
  const { env, cwd } = terminal;
  const { loaded, problems } = await prepare({ configPath, env, cwd });
  const errors = problems.filter(({ severity }) => severity === "error").map(formatProblem);
  const file = loaded.file === undefined ? undefined : resolve(cwd, loaded.file);
  const server = loaded.config?.server;
  const ports = server === undefined ? [] : [server.port, server.admin.port ?? server.port];
  const wish: Wish = {
    ...bareWish(machine),
    configPath: file,
    shutdownGraceMs: server?.shutdown_timeout ?? 0,
    needsLowPort: ports.some((port) => port < 1024),
    configGroup: file === undefined ? undefined : groupNeeded(await machine.access(file)),
  };
  return { wish, mistakes: errors };
}

async function runAll(commands: readonly Command[], { machine, terminal }: DaemonOptions): Promise<boolean> {
  for (const command of commands) {
    const { code, output } = await machine.run(command);
    if (code === 0) continue;
    const reason = output.trim() === "" ? `exit code ${code}` : output.trim();
    terminal.err(`olla: \`${formatCommand(command)}\` failed: ${reason}\n`);
    return false;
  }
  return true;
}

function whoElse({ platform, uid }: Machine): string {
  if (platform === "win32") return "";
  return uid === 0 ? "; the service of a user is that user's to see" : "; that of the machine is for root";
}

function encode({ content, encoding }: Installation): Uint8Array {
  return Buffer.from(encoding === "utf16le" ? `\uFEFF${content}` : content, encoding);
}

function formatPlan({ file, content, folders, prepare: before, activate }: Installation): string {
  const steps = [
    ...folders.map((folder) => `make ${folder}`),
    ...before.map((command) => `${formatCommand(command)} (may fail)`),
    `write ${file}`,
    ...activate.map(formatCommand),
  ];
  return `${steps.map((step, index) => `${index + 1}. ${step}\n`).join("")}\n--- ${file}\n${content}`;
}

function formatCommand(command: Command): string {
  return command.map((word) => (/^[\w@%+=:,./*\\-]+$/.test(word) ? word : `"${word}"`)).join(" ");
}
