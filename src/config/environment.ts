import { editDistance } from "../lib/nearest.ts";
import { type ListedKey, withValueAt } from "./key-list.ts";
import type { ConfigProblem } from "./problem.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

export interface OtherVariable {
  readonly name: string;
  readonly doc: string;
  /** Why it does nothing, and what to set in its place; only of variables that do nothing. */
  readonly reason?: string;
}

/** Variables that are not the override of a key. */
export const otherVariables: readonly OtherVariable[] = [
  { name: "OLLA_CONFIG_FILE", doc: "Configuration file; `--config` is stronger." },
  { name: "OLLA_CONFIG_DIR", doc: "Folder in which `models.yaml` is looked for last." },
  { name: "OLLA_LOG_DIR", doc: "Folder of the log file, with `logging.output: file`. Unset: `./logs`." },
  { name: "OLLA_LOG_SIZE_MB", doc: "Size in MiB at which the log file is put aside. Unset: 1." },
  { name: "OLLA_LOG_MAX_BACKUPS", doc: "Log files kept that were put aside. Unset: 7." },
  {
    name: "OLLA_LOG_MAX_AGE_DAYS",
    doc: "Days after which such a file goes; 0 keeps them for ever. Unset: 14.",
  },
  { name: "OLLA_SHOW_VERSION", doc: "`true` prints the version and ends." },
  { name: "NO_COLOR", doc: "Anything switches colours off." },
  { name: "FORCE_COLOR", doc: "Anything but `0` switches colours on, where `NO_COLOR` does not forbid it." },
  { name: "OLLA_FORCE_COLORS", doc: "`true` does the same, where `FORCE_COLOR` is not set." },
  {
    name: "OLLA_ENABLE_PROFILER",
    doc: "A profiler's port.",
    reason: "there is no Go profiler here; run from source with `bun --inspect src/main.ts`",
  },
  {
    name: "OLLA_PRETTY_LOGS",
    doc: "Text or JSON before the configuration is read.",
    reason: "nothing is logged that early; `OLLA_LOGGING_FORMAT` is `text` or `json`",
  },
  {
    name: "OLLA_FILE_OUTPUT",
    doc: "A log file before the configuration is read.",
    reason: "no file is opened that early; `OLLA_LOGGING_OUTPUT=file` writes one",
  },
  {
    name: "OLLA_THEME",
    doc: "Colours.",
    reason: "there is one set of colours; `NO_COLOR` switches them off",
  },
];

export interface Override {
  readonly key: ListedKey;
  readonly variable: string;
  /** As the YAML file would have held it. */
  readonly value: unknown;
}

/** The overrides that an environment holds. An empty variable is an unset one. */
export function findOverrides(keys: readonly ListedKey[], env: Environment): Override[] {
  const overrides: Override[] = [];
  for (const key of keys) {
    const variable = key.variables.find((name) => (env[name] ?? "") !== "");
    if (variable === undefined) continue;
    overrides.push({ key, variable, value: key.metadata.fromText(env[variable] ?? "") });
  }
  return overrides;
}

export function applyOverrides(tree: unknown, overrides: readonly Override[]): unknown {
  let overridden = tree;
  for (const override of overrides) overridden = withValueAt(overridden, override.key.parts, override.value);
  return overridden;
}

/** Warns about variables that once did something, each with what does it now. */
export function findInertVariables(env: Environment): ConfigProblem[] {
  return otherVariables
    .filter(({ name, reason }) => reason !== undefined && (env[name] ?? "") !== "")
    .map(({ name, reason }) => ({
      severity: "warning",
      kind: "inert",
      variable: name,
      path: "",
      message: `has no effect; ${reason}`,
    }));
}

/**
 * Warns about `OLLA_…` variables that nothing reads but that differ in two letters from one that something does.
 * Others are left alone: Kubernetes, for one, sets `OLLA_SERVICE_PORT` beside a service called "olla".
 */
export function findMistypedVariables(keys: readonly ListedKey[], env: Environment): ConfigProblem[] {
  const written = Object.keys(env).filter((name) => name.startsWith("OLLA_"));
  if (written.length === 0) return [];
  const known = new Set([
    ...keys.flatMap((key) => key.variables),
    ...otherVariables.map((other) => other.name),
  ]);
  const problems: ConfigProblem[] = [];
  for (const name of written) {
    if (known.has(name)) continue;
    const meant = [...known].find((candidate) => editDistance(candidate, name.toUpperCase()) <= 2);
    if (meant === undefined) continue;
    problems.push({
      severity: "warning",
      kind: "unknown-key",
      variable: name,
      path: "",
      message: `nothing reads this variable; did you mean ${meant}?`,
    });
  }
  return problems;
}
