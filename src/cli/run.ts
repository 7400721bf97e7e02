import { Command, CommanderError } from "commander";
import { type BuildIdentity, buildIdentity } from "../lib/build-identity.ts";
import { nearestNames } from "../lib/nearest.ts";
import { normaliseArguments, UsageError } from "./arguments.ts";
import type { Terminal } from "./terminal.ts";
import { describeVersion } from "./version.ts";

/** Exit codes: 0 done, 1 could not start or is not valid, 2 wrong usage. */
const wrongUsage = 2;

interface RootOptions {
  readonly config?: string;
  readonly version?: boolean;
  readonly validateConfig?: boolean;
  readonly profile?: boolean;
}

/** Runs the program for these arguments and ends the process. The only place that does. */
export async function run(args: readonly string[]): Promise<void> {
  const terminal: Terminal = {
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    env: process.env,
    cwd: process.cwd(),
    isScreen: process.stdout.isTTY === true,
    exitNow: (code) => process.exit(code),
  };
  let code = 1;
  try {
    code = await runCommand(args, terminal, buildIdentity);
  } catch (error) {
    terminal.err(`olla: ${error instanceof Error ? error.message : String(error)}\n`);
  }
  await drain(process.stdout);
  await drain(process.stderr);
  process.exit(code);
}

/** What is still in a pipe's buffer would be lost at exit. */
function drain(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => {
    stream.write("", () => resolve());
  });
}

/** @returns the exit code */
export async function runCommand(
  args: readonly string[],
  terminal: Terminal,
  build: BuildIdentity,
): Promise<number> {
  let code = 0;
  const program = createProgram(terminal, build, (result) => {
    code = result;
  });
  try {
    await program.parseAsync(normaliseArguments(args), { from: "user" });
    return code;
  } catch (error) {
    if (error instanceof UsageError) {
      terminal.err(`olla: ${error.message}\n${usageHint(program)}`);
      return wrongUsage;
    }
    // Commander has printed what was wrong, or the help that was asked for.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : wrongUsage;
    throw error;
  }
}

function createProgram(terminal: Terminal, build: BuildIdentity, finish: (code: number) => void): Command {
  const program = new Command("olla");
  const start = async (): Promise<void> => {
    const options = program.opts<RootOptions>();
    finish(await chooseCommand(options, terminal, build)());
  };
  program
    .description("One address in front of all your inference servers.")
    .usage("[command] [options]")
    .option("-c, --config <file>", "configuration file (default: config/config.yaml, config.yaml, …)")
    .option("--validate-config", "check the configuration and exit, like `olla validate`")
    .option("--version", "show the version and exit, like `olla version`")
    .option("--profile", "not supported: Bun's inspector takes its place (see CONTRIBUTING.md)")
    .exitOverride()
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: terminal.out,
      writeErr: terminal.err,
      outputError: (message, write) => write(`${message.replace(/^error: /, "olla: ")}${usageHint(program)}`),
    })
    .helpCommand(true);
  program.command("serve").description("route requests (what `olla` alone does)").action(start);
  program
    .command("demo")
    .description("route requests to two simulated endpoints, to see it work")
    .action(async () => {
      const { demo } = await import("./demo.ts");
      finish(await demo({ terminal, build }));
    });
  program
    .command("validate")
    .description("check the configuration and exit")
    .action(async () => {
      finish(await chooseCommand({ ...program.opts(), validateConfig: true }, terminal, build)());
    });
  program
    .command("version")
    .description("show the version and exit")
    .action(async () => {
      finish(await chooseCommand({ version: true }, terminal, build)());
    });
  // After the commands, which would inherit the permission to be given anything.
  program.allowExcessArguments().action(async () => {
    const [unknown] = program.args;
    if (unknown !== undefined) throw new UsageError(describeUnknownCommand(unknown, program));
    await start();
  });
  return program;
}

/** Flags and variables that turn `olla` into another command. The version wins over everything. */
function chooseCommand(
  options: RootOptions,
  terminal: Terminal,
  build: BuildIdentity,
): () => Promise<number> {
  const { env } = terminal;
  if (options.version === true || env.OLLA_SHOW_VERSION === "true") {
    return async () => {
      terminal.out(describeVersion(build));
      return 0;
    };
  }
  if (options.profile === true || env.OLLA_ENABLE_PROFILER === "true") {
    const asked = options.profile === true ? "--profile" : "OLLA_ENABLE_PROFILER";
    throw new UsageError(
      `${asked} is not supported: there is no Go profiler here. Run from source with \`bun --inspect src/main.ts\` instead.`,
    );
  }
  // An empty path means none, as in a script with an unset variable.
  const configPath = options.config || undefined;
  if (options.validateConfig === true) {
    return async () => {
      const { validate } = await import("./validate.ts");
      return validate({ configPath, terminal, build });
    };
  }
  return async () => {
    const { serve } = await import("./serve.ts");
    return serve({ configPath, terminal, build });
  };
}

function describeUnknownCommand(name: string, program: Command): string {
  const nearest = nearestNames(name, commandNames(program), 1)[0];
  const hint = nearest === undefined ? "" : ` (did you mean \`${nearest}\`?)`;
  return `unknown command '${name}'${hint}`;
}

function commandNames(program: Command): string[] {
  return program.commands.map((command) => command.name());
}

/** Names what there is, because a typo may be too far from everything for a guess. */
function usageHint(program: Command): string {
  const flags = program.options.filter((option) => option.long !== "--profile").map((option) => option.long);
  return `Commands: ${commandNames(program).join(", ")}. Flags: ${[...flags, "--help"].join(", ")}.\n`;
}
