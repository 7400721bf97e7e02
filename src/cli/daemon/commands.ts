import type { Command } from "commander";
import type { RootOptions } from "../root-options.ts";
import type { Terminal } from "../terminal.ts";

interface DaemonFlags {
  readonly dryRun?: boolean;
}

/** Adds `olla service` with its commands. */
export function addDaemonCommands(
  program: Command,
  terminal: Terminal,
  finish: (code: number) => void,
): void {
  const options = async (flags: DaemonFlags = {}) => {
    const { thisMachine } = await import("./machine.ts");
    return {
      terminal,
      machine: await thisMachine(),
      configPath: program.opts<RootOptions>().config || undefined,
      isDryRun: flags.dryRun === true,
    };
  };
  const service = program.command("service").description("have systemd, launchd or Windows run Olla");
  service
    .command("install")
    .description("start Olla now and whenever the machine, or your session, starts")
    .option("--dry-run", "show what would be written and run, and do nothing")
    .action(async (flags: DaemonFlags) => {
      const { installDaemon } = await import("./daemon.ts");
      finish(await installDaemon(await options(flags)));
    });
  service
    .command("uninstall")
    .description("stop it, and never start it again")
    .option("--dry-run", "show what would be run and deleted, and do nothing")
    .action(async (flags: DaemonFlags) => {
      const { uninstallDaemon } = await import("./daemon.ts");
      finish(await uninstallDaemon(await options(flags)));
    });
  service
    .command("status")
    .description("say whether it runs: exit code 0 when it does, else 1")
    .action(async () => {
      const { showDaemon } = await import("./daemon.ts");
      finish(await showDaemon(await options()));
    });
}
