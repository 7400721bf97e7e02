import { editDistance } from "../lib/nearest.ts";
import { type ListedKey, withValueAt } from "./key-list.ts";
import type { ConfigProblem } from "./problem.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

/** Variables that are not the override of a key. */
export const otherVariables: readonly { readonly name: string; readonly doc: string }[] = [
  { name: "OLLA_CONFIG_FILE", doc: "Configuration file; `--config` is stronger." },
  { name: "OLLA_SHOW_VERSION", doc: "`true` prints the version and ends." },
  { name: "NO_COLOR", doc: "Anything switches colours off." },
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
