/**
 * Bun reads its limit on requests in flight (256 unless told otherwise) and its limit on header size only when a
 * process starts, so the program starts itself once more with both raised. Keep this file free of imports: it runs
 * twice, before anything else.
 */

/** Above this Bun falls back to 256 without a word. */
const maxRequestsInFlight = "65535";
/** Just above what our own limit can be set to, so that our own answer is the one clients see. */
export const headerSizeFlag = "--max-http-header-size=1114112";

/**
 * How often the runtime looks for garbage while nothing happens, in milliseconds. Its own choice is each second, and each
 * look wakes several threads; what is busy collects when there is something to collect.
 */
const idleCollectionMs = "10000";

export interface ProcessFacts {
  readonly execPath: string;
  readonly execArgv: readonly string[];
  /** As `process.argv`: program, script, arguments. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Whether this is the compiled file, which has no script argument and its runtime flags built in. */
  readonly isCompiled: boolean;
}

export interface NextProcess {
  readonly args: string[];
  readonly env: Record<string, string>;
}

/** Commands that open one connection at most, and so need no second start. */
const modestCommands: readonly (string | undefined)[] = [
  "version",
  "--version",
  "validate",
  "init",
  "schema",
  "key",
  "completion",
  "complete",
  "health",
  "service",
  "--help",
  "-h",
];

/** The process to become, or undefined when this one is fit for serving. */
export function planReexecution(facts: ProcessFacts): NextProcess | undefined {
  const userArgs = facts.argv.slice(2);
  if (modestCommands.includes(userArgs[0])) return undefined;
  const { BUN_CONFIG_MAX_HTTP_REQUESTS: limit, DO_NOT_TRACK: privacy } = facts.env;
  const collection = facts.env.BUN_GC_TIMER_INTERVAL;
  const hasHeaderLimit = facts.isCompiled || facts.execArgv.includes(headerSizeFlag);
  if (limit === maxRequestsInFlight && privacy === "1" && collection !== undefined && hasHeaderLimit) {
    return undefined;
  }

  const env: Record<string, string> = {};
  for (const [name, value] of Object.entries(facts.env)) if (value !== undefined) env[name] = value;
  env.BUN_CONFIG_MAX_HTTP_REQUESTS = maxRequestsInFlight;
  // Bun sends crash reports to its makers on some systems; people's prompts are in this process.
  env.DO_NOT_TRACK = "1";
  env.BUN_GC_TIMER_INTERVAL = collection ?? idleCollectionMs;
  const ownFlags = hasHeaderLimit ? facts.execArgv : [...facts.execArgv, headerSizeFlag];
  const runtimeArgs = facts.isCompiled ? [] : [...ownFlags, facts.argv[1] ?? ""];
  return { args: [...runtimeArgs, ...userArgs], env };
}
