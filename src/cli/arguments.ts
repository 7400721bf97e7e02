/** Wrong usage: shown with a hint at `--help`, exit code 2. */
export class UsageError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "UsageError";
  }
}

const switches = ["version", "validate-config", "profile", "help"];
const trueWords = ["1", "t", "T", "true", "TRUE", "True"];
const falseWords = ["0", "f", "F", "false", "FALSE", "False"];
const flagShape = /^--?([a-z][a-z-]*)(?:=([\s\S]*))?$/;

/**
 * Rewrites the spellings that Go programs accept to the ones of our parser: one dash before a long name, `-c=FILE`,
 * and switches with a value (`--validate-config=false`). Leaves everything else alone, typos included.
 * @throws UsageError for a switch whose value is not a boolean.
 */
export function normaliseArguments(args: readonly string[]): string[] {
  const result: string[] = [];
  for (let index = 0; index < args.length; index++) {
    const arg = args[index] ?? "";
    if (arg === "--") return [...result, ...args.slice(index)];
    const [, name = "", value] = flagShape.exec(arg) ?? [];
    if (name === "c" || name === "config") {
      result.push("--config");
      const next = value ?? args[++index];
      if (next !== undefined) result.push(next);
    } else if (switches.includes(name)) {
      if (isSwitchedOn(name, value)) result.push(`--${name}`);
    } else {
      result.push(arg);
    }
  }
  return result;
}

/**
 * The flags of a plain start: nothing, or `serve`, or a configuration file, in any order. Undefined for all else.
 * @param args as `normaliseArguments` gives them
 */
export function readPlainServe(args: readonly string[]): { readonly config?: string } | undefined {
  const rest = [...args];
  let config: string | undefined;
  for (let arg = rest.shift(); arg !== undefined; arg = rest.shift()) {
    const value = arg === "--config" ? rest.shift() : undefined;
    if (value !== undefined && !value.startsWith("-")) config = value;
    else if (arg !== "serve" || rest.includes("serve")) return undefined;
  }
  return config === undefined ? {} : { config };
}

function isSwitchedOn(name: string, value: string | undefined): boolean {
  if (value === undefined || trueWords.includes(value)) return true;
  if (falseWords.includes(value)) return false;
  throw new UsageError(`"${value}" is not a value for --${name}: write --${name} or --${name}=false`);
}
