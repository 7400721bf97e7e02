export type ProblemKind =
  /** The file is missing or cannot be read. */
  | "file"
  /** The file is not well-formed YAML. */
  | "syntax"
  /** A value has the wrong type, lies out of range, or contradicts another one. */
  | "value"
  /** No such key. Serving goes on, validation fails (decisions.md §3). */
  | "unknown-key"
  /** Valid, but nothing can act on it. */
  | "inert"
  /** Valid and acted upon, but probably not meant. */
  | "advice";

export interface ConfigProblem {
  readonly severity: "error" | "warning";
  readonly kind: ProblemKind;
  readonly file?: string;
  /** Counted from 1, as editors do. */
  readonly line?: number;
  readonly column?: number;
  /** The environment variable that holds the value, when it did not come from the file. */
  readonly variable?: string;
  /** Dotted, with `[index]` for list items; empty for the file as a whole. */
  readonly path: string;
  /** Never contains a credential. */
  readonly message: string;
}

export type KeyPath = readonly (string | number)[];

/** One line: `file:line:column  path: expected …, got …`. */
export function formatProblem(problem: ConfigProblem): string {
  const subject = problem.path === "" ? problem.message : `${problem.path}: ${problem.message}`;
  if (problem.variable !== undefined) return `${problem.variable}  ${subject}`;
  if (problem.file === undefined) return subject;
  const position = problem.line === undefined ? "" : `:${problem.line}:${problem.column ?? 1}`;
  return `${problem.file}${position}  ${subject}`;
}

/** In the order of the file; what has no place in it comes first. */
export function comparePositions(left: ConfigProblem, right: ConfigProblem): number {
  return (left.line ?? 0) - (right.line ?? 0) || (left.column ?? 0) - (right.column ?? 0);
}

/** `["discovery", "static", "endpoints", 1, "url"]` → `discovery.static.endpoints[1].url`. */
export function joinPath(path: KeyPath): string {
  let joined = "";
  for (const part of path) {
    if (typeof part === "number") joined += `[${part}]`;
    else if (!isPlain(part)) joined += `[${JSON.stringify(part)}]`;
    else joined += joined === "" ? part : `.${part}`;
  }
  return joined;
}

/** Whether a name of the user's own can be shown as it is: control characters would act upon a terminal. */
function isPlain(name: string): boolean {
  return name !== "" && name.trim() === name && !/\p{Cc}/u.test(name) && name.isWellFormed();
}

const longestShown = 60;

/**
 * A value as an error message may show it. Credentials that sit inside a URL are hidden; a caller that knows the
 * whole value to be a credential asks for `describeType` instead.
 */
export function describeValue(value: unknown): string {
  if (typeof value !== "string") return describeType(value);
  const harmless = value.replace(/\/\/[^/\s]*@/g, "//…@");
  const shown = harmless.length > longestShown ? `${harmless.slice(0, longestShown)}…` : harmless;
  return JSON.stringify(shown);
}

export function describeType(value: unknown): string {
  if (value === undefined || value === null) return "nothing";
  if (typeof value === "string") return value === "" ? "an empty string" : "a string";
  if (Array.isArray(value)) return "a list";
  return typeof value === "object" ? "a mapping" : String(value);
}

/** For values that are credentials: their type and nothing else. */
export function describeSecret(value: unknown): string {
  return typeof value === "number" || typeof value === "boolean" ? `a ${typeof value}` : describeType(value);
}

export function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
