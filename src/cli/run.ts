import { type BuildIdentity, buildIdentity } from "../lib/build-identity.ts";
import { normaliseArguments, readPlainServe, UsageError } from "./arguments.ts";
import { wrongUsage } from "./exit-codes.ts";
import type { RootOptions } from "./root-options.ts";
import type { Terminal } from "./terminal.ts";
import { describeVersion } from "./version.ts";

/** Runs the program for these arguments and ends the process. The only place that does. */
export async function run(args: readonly string[]): Promise<void> {
  const terminal: Terminal = {
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    env: process.env,
    cwd: process.cwd(),
    isScreen: process.stdout.isTTY === true,
    size: () => sizeOf(process.stdout),
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

/** Some terminals do not know their size, or say 0: then they have that of the first ones. */
function sizeOf({ isTTY, columns, rows }: NodeJS.WriteStream): ReturnType<NonNullable<Terminal["size"]>> {
  return isTTY ? { columns: columns || 80, rows: rows || 24 } : undefined;
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
  const start = (options: RootOptions) => chooseCommand(options, terminal, build)();
  try {
    const normal = normaliseArguments(args);
    const plain = readPlainServe(normal);
    if (plain !== undefined) return await start(plain);
    // What a service starts with is read above: a parser for all the rest would stay in its memory.
    const { runProgram } = await import("./program.ts");
    return await runProgram(normal, { terminal, build, start });
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    const { usageHint } = await import("./program.ts");
    terminal.err(`olla: ${error.message}\n${usageHint({ terminal, build, start })}`);
    return wrongUsage;
  }
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
  if (options.profile === true) {
    throw new UsageError(
      "--profile is not supported: there is no Go profiler here. Run from source with `bun --inspect src/main.ts` instead.",
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
