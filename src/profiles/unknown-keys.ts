import { nearestNames } from "../lib/nearest.ts";
import { profileSchema } from "./schema.ts";

export interface UnknownKey {
  readonly path: readonly (string | number)[];
  /** The known key it may have been meant for. */
  readonly nearest: string | undefined;
}

/** `*` is any list element; `true`: what lies below is not looked at. */
export type KeyTree = { readonly [key: string]: KeyTree | true };

/** Keys that `profileSchema` reads, taken from the schema itself. */
function keysOf(schema: unknown): KeyTree | true {
  if (!isObject(schema)) return true;
  if ("wrapped" in schema) return keysOf(schema.wrapped);
  if ("item" in schema) return { "*": keysOf(schema.item) };
  if (!("entries" in schema) || !isObject(schema.entries)) return true;
  return Object.fromEntries(Object.entries(schema.entries).map(([key, entry]) => [key, keysOf(entry)]));
}

function ownKeys(): KeyTree {
  const keys = keysOf(profileSchema);
  return keys === true ? {} : keys;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

/**
 * Keys of profile files written for the reference that nothing here reads: a user's existing file must load without
 * a flood of warnings. Whole blocks are `true`.
 */
export const foreignKeys: KeyTree = {
  version: true,
  description: true,
  home: true,
  api: { anthropic_support: true, metrics_path: true, props_path: true, slots_path: true, stats_path: true },
  characteristics: {
    timeout: true,
    default_priority: true,
    streaming_support: true,
    single_model_server: true,
    auth: true,
  },
  detection: {
    user_agent_patterns: true,
    response_patterns: true,
    path_indicators: true,
    server_signatures: true,
  },
  models: { name_format: true, provider_prefixes: true, capability_patterns: { chat: true } },
  request: { model_field_paths: true, parsing_rules: true },
  path_indices: true,
  resources: true,
  metrics: { extraction: { format: true } },
  features: true,
  security: true,
  performance: true,
  deployment: true,
  olla_integration: true,
};

/** Keys of a parsed profile file that neither we nor the reference know. */
export function findUnknownKeys(file: unknown): UnknownKey[] {
  const found: UnknownKey[] = [];
  collect(file, [ownKeys(), foreignKeys], [], found);
  return found;
}

/** Keys that only the reference reads; our own files must have none. */
export function findForeignKeys(file: unknown): UnknownKey[] {
  const found: UnknownKey[] = [];
  collect(file, [ownKeys()], [], found);
  return found;
}

function collect(
  value: unknown,
  trees: readonly KeyTree[],
  path: readonly (string | number)[],
  found: UnknownKey[],
): void {
  if (!isObject(value)) return;
  const isList = Array.isArray(value);
  for (const [key, child] of Object.entries(value)) {
    const below = trees.map((tree) => tree[isList ? "*" : key]).filter((entry) => entry !== undefined);
    const childPath = [...path, isList ? Number(key) : key];
    if (below.length === 0) {
      const candidates = trees.flatMap((tree) => Object.keys(tree));
      found.push({ path: childPath, nearest: nearestNames(key, candidates, 1)[0] });
    } else if (below.every((entry) => entry !== true)) {
      collect(child, below, childPath, found);
    }
  }
}
