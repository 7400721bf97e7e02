import { Command, CommanderError, Option } from "commander";
import type { BuildIdentity } from "../lib/build-identity.ts";
import { nearestNames } from "../lib/nearest.ts";
import { UsageError } from "./arguments.ts";
import { addCompletion } from "./completion.ts";
import { addDaemonCommands } from "./daemon/commands.ts";
import type { DoctorFlags } from "./doctor.ts";
import { wrongUsage } from "./exit-codes.ts";
import { shapeHelp } from "./help.ts";
import type { InitFlags } from "./init.ts";
import { addQuestions } from "./questions.ts";
import type { RootOptions } from "./root-options.ts";
import type { Terminal } from "./terminal.ts";

export interface ProgramOptions {
  readonly terminal: Terminal;
  readonly build: BuildIdentity;
  /** Does what the flags ask for. @returns the exit code */
  start(options: RootOptions): Promise<number>;
}

/**
 * Reads any arguments: commands, flags, typos, cries for help.
 * @returns the exit code
 * @throws UsageError for an unknown command, and for what `start` refuses
 */
export async function runProgram(args: readonly string[], options: ProgramOptions): Promise<number> {
  let code = 0;
  const program = createProgram(options, (result) => {
    code = result;
  });
  try {
    await program.parseAsync(args, { from: "user" });
    return code;
  } catch (error) {
    // Commander has printed what was wrong, or the help that was asked for.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : wrongUsage;
    throw error;
  }
}

/** The tree of commands. @param finish told the exit code of the command that was asked for */
export function createProgram(options: ProgramOptions, finish: (code: number) => void): Command {
  const { terminal, build } = options;
  const program = new Command("olla");
  const start = async (changes: RootOptions = {}): Promise<void> => {
    finish(await options.start({ ...program.opts<RootOptions>(), ...changes }));
  };
  program
    .description("One address in front of all your inference servers.")
    .usage("[command] [options]")
    .option("-c, --config <file>", "configuration file (default: config/config.yaml, …)")
    // Spellings of other programs: what they do has a command, or is refused with a word.
    .addOption(new Option("--validate-config", "like `olla validate`").hideHelp())
    .addOption(new Option("--version", "like `olla version`").hideHelp())
    .addOption(new Option("--profile", "not supported").hideHelp())
    .exitOverride()
    .configureOutput({
      writeOut: terminal.out,
      writeErr: terminal.err,
      getOutHelpWidth: () => terminal.size?.()?.columns ?? 80,
      outputError: (message, write) =>
        write(`${message.replace(/^error: /, "olla: ")}${describeUsage(program)}`),
    });
  shapeHelp(program);
  program
    .command("serve")
    .description("route requests (what `olla` alone does)")
    .action(() => start());
  program
    .command("demo")
    .description("route to two simulated endpoints, to see it work")
    .action(async () => {
      const { demo } = await import("./demo.ts");
      finish(await demo({ terminal, build }));
    });
  addQuestions(program, options, finish);
  program
    .command("validate")
    .description("check the configuration and exit")
    .option("--print-effective", "show every key with its value in force, and where that came from")
    .option("--json", "print the report, and what is in force, as JSON")
    .action((flags: RootOptions) => start({ ...flags, validateConfig: true }));
  program
    .command("init")
    .description("write a configuration for the servers on this machine")
    .option("-o, --output <file>", "where to write it", "config.yaml")
    .option("-y, --yes", "ask nothing: take what is found, for this machine only")
    .option("--force", "overwrite what is there")
    .action(async (flags: InitFlags) => {
      const { init } = await import("./init.ts");
      const { askOnTerminal } = await import("./init/asker.ts");
      const isAnswered = process.stdin.isTTY === true && terminal.isScreen;
      finish(await init(flags, { terminal, build, openAsker: isAnswered ? askOnTerminal : undefined }));
    });
  program
    .command("doctor")
    .description("try endpoints out, and say what is wrong with them")
    .argument("[endpoint...]", "names of configured ones (default: all)")
    .option("--url <url>", "try one that is not configured")
    .option("--type <type>", "what the one at --url is (default: find out)")
    .option("--token-file <file>", "file with the bearer token of the one at --url")
    .option("--model <name>", "ask this model for a token (default: the smallest)")
    .option("--no-generate", "ask for no token, which may load a model")
    .option("--timeout <duration>", "longest wait for the token", "60s")
    .option("--json", "print everything as JSON")
    .action(async (names: string[], flags: DoctorFlags) => {
      const { doctor } = await import("./doctor.ts");
      const configPath = program.opts<RootOptions>().config || undefined;
      finish(await doctor(names, flags, { configPath, terminal, build }));
    });
  program
    .command("schema")
    .description("print the JSON Schema of a file, for editors")
    .argument("[file]", "config, profile or models", "config")
    .action(async (name: string) => {
      const { schema } = await import("./schema.ts");
      finish(schema(name, terminal));
    });
  addDaemonCommands(program, terminal, finish);
  const key = program.command("key").description("make keys for clients");
  key
    .command("new")
    .description("print a new key, and its part of the configuration")
    .option("--name <name>", "who will use it", "new-key")
    .action(async (options: { readonly name: string }) => {
      const { newKey } = await import("./key.ts");
      finish(newKey(options, terminal));
    });
  addCompletion(program, terminal);
  program
    .command("version")
    .description("show the version and exit")
    .action(() => start({ version: true }));
  // After the commands, which would inherit the permission to be given anything.
  program.allowExcessArguments().action(async () => {
    const [unknown] = program.args;
    if (unknown !== undefined) throw new UsageError(describeUnknownCommand(unknown, program));
    await start();
  });
  return program;
}

function describeUnknownCommand(name: string, program: Command): string {
  const nearest = nearestNames(name, commandNames(program), 1)[0];
  const hint = nearest === undefined ? "" : ` (did you mean \`${nearest}\`?)`;
  return `unknown command '${name}'${hint}`;
}

function commandNames(program: Command): string[] {
  return program
    .createHelp()
    .visibleCommands(program)
    .map((command) => command.name());
}

/** For wrong usage that was found before or after the parsing. */
export function usageHint(options: ProgramOptions): string {
  return describeUsage(createProgram(options, () => undefined));
}

/** Names what there is, because a typo may be too far from everything for a guess. */
function describeUsage(program: Command): string {
  const flags = program.options.filter((option) => option.long !== "--profile").map((option) => option.long);
  return `Commands: ${commandNames(program).join(", ")}. Flags: ${[...flags, "--help"].join(", ")}.\n`;
}
