import { nearestNames } from "../lib/nearest.ts";
import type { Complain } from "./key.ts";
import { customKey } from "./key-types.ts";
import { describeType, describeValue, isMapping } from "./problem.ts";

/** One link of an alias, in the long form. */
export interface LongAliasItem {
  /** A model, or another alias. */
  readonly model: string;
  /** Undefined: any endpoint that has the model. */
  readonly endpoint: string | undefined;
  /** Undefined where the user gave none: then the item stands for itself in the chain. */
  readonly weight: number | undefined;
  readonly params: Readonly<Record<string, unknown>>;
}

/** A plain text names a model or another alias. */
export type AliasItem = string | LongAliasItem;

/** By alias, as the user spelled it. */
export type ModelAliases = Readonly<Record<string, readonly AliasItem[]>>;

/** Items of one alias that stand side by side. At least one. */
export interface ItemGroup {
  readonly kind: "first-listed" | "weighted";
  readonly items: readonly { readonly item: LongAliasItem; readonly index: number }[];
}

const modelName = { type: "string", pattern: "\\S" } as const;

/** JSON Schema of what `readAliases` takes. */
const aliasesForEditors = {
  type: ["object", "null"],
  additionalProperties: {
    type: "array",
    minItems: 1,
    items: {
      anyOf: [
        modelName,
        {
          type: "object",
          properties: {
            model: { ...modelName, description: "A model, or another alias." },
            endpoint: {
              type: ["string", "null"],
              minLength: 1,
              description: "Unset: any that has the model.",
            },
            weight: {
              type: ["number", "null"],
              exclusiveMinimum: 0,
              description: "Share of the traffic, among neighbours that have a weight, too.",
            },
            params: { type: ["object", "null"], description: "What is put into the request's body." },
          },
          required: ["model"],
          additionalProperties: false,
        },
      ],
    },
  },
};

export const modelAliases = customKey<ModelAliases>(
  "mapping",
  {
    initial: {},
    unit: "name: models",
    doc: "Names of your own, each for a list of models: [aliases.md](aliases.md). An item is a model name, or `{model, endpoint, weight, params}`.",
    valueSchema: aliasesForEditors,
  },
  readAliases,
);

/**
 * What stands side by side and what comes after what: only plain names are one pool, neighbours with a weight share
 * the traffic, everything else is a link of its own.
 */
export function groupItems(items: readonly AliasItem[]): readonly ItemGroup[] {
  const longItems = items.map((item, index) => ({ item: asLongItem(item), index }));
  if (items.every((item) => typeof item === "string")) return [{ kind: "first-listed", items: longItems }];
  const groups: (typeof longItems)[] = [];
  for (const entry of longItems) {
    const last = groups.at(-1);
    const isNeighbour = last?.at(-1)?.item.weight !== undefined && entry.item.weight !== undefined;
    if (isNeighbour) last?.push(entry);
    else groups.push([entry]);
  }
  return groups.map((group) => ({ kind: "weighted", items: group }));
}

const noParams: LongAliasItem["params"] = Object.freeze({});

function asLongItem(item: AliasItem): LongAliasItem {
  if (typeof item !== "string") return item;
  return { model: item, endpoint: undefined, weight: undefined, params: noParams };
}

export function readAliases(raw: unknown, complain: Complain): ModelAliases {
  if (!isMapping(raw)) {
    complain(`expected a mapping from names to lists of models, got ${describeType(raw)}`);
    return {};
  }
  const aliases: [string, AliasItem[]][] = [];
  for (const [alias, items] of Object.entries(raw)) {
    const fault = faultInName(alias);
    if (fault !== undefined) complain(`expected a name ${fault}, got ${describeValue(alias)}`, [alias]);
    if (!Array.isArray(items) || items.length === 0) {
      const got = Array.isArray(items) ? "an empty list" : describeType(items);
      const cure = typeof items === "string" || isMapping(items) ? "; put it in brackets: `[…]`" : "";
      const message = `expected a list of at least one model, got ${got}${cure}`;
      complain(`alias ${describeValue(alias)}: ${message}`, [alias]);
      continue;
    }
    const read = items.map((item: unknown, index) => {
      return readItem(item, (message, below = []) =>
        complain(`alias ${describeValue(alias)}, item ${index}: ${message}`, [alias, index, ...below]),
      );
    });
    aliases.push([alias, read]);
  }
  return Object.fromEntries(aliases);
}

const maxNameLength = 256;

/** Names go into URLs, headers and log lines. */
function faultInName(name: string): string | undefined {
  if (name.trim() === "") return "that is not empty";
  if (name.trim() !== name) return "without spaces around it";
  if (hasControlCharacter(name)) return "without control characters";
  return name.length > maxNameLength ? `of at most ${maxNameLength} characters` : undefined;
}

function hasControlCharacter(text: string): boolean {
  return /\p{Cc}/u.test(text) || !text.isWellFormed();
}

const itemKeys = ["model", "endpoint", "weight", "params"];

function readItem(raw: unknown, complain: Complain): AliasItem {
  if (!isMapping(raw)) return readModel(raw, complain);
  for (const key of Object.keys(raw).filter((name) => !itemKeys.includes(name))) {
    const meant = nearestNames(key, itemKeys, 1)[0];
    const hint = meant === undefined ? "" : `; did you mean \`${meant}\`?`;
    complain(`expected only ${itemKeys.join(", ")}, got ${describeValue(key)}${hint}`, [key]);
  }
  return {
    model: readModel(raw.model, complain),
    endpoint: readEndpoint(raw.endpoint ?? undefined, complain),
    weight: readWeight(raw.weight ?? undefined, complain),
    params: readParams(raw.params ?? undefined, complain),
  };
}

function readModel(raw: unknown, complain: Complain): string {
  if (typeof raw !== "string" || raw.trim() === "") {
    const cure = typeof raw === "number" || typeof raw === "boolean" ? "; put it in quotes" : "";
    complain(`expected a model name, got ${describeType(raw)}${cure}`);
    return "";
  }
  if (hasControlCharacter(raw)) complain("expected a model name without control characters");
  return raw.trim();
}

function readEndpoint(raw: unknown, complain: Complain): string | undefined {
  if (raw === undefined) return undefined;
  if (typeof raw === "string" && raw !== "") return raw;
  complain(`expected the name of an endpoint, got ${describeType(raw)}`, ["endpoint"]);
  return undefined;
}

function readWeight(raw: unknown, complain: Complain): number | undefined {
  if (raw === undefined || (typeof raw === "number" && raw > 0 && Number.isFinite(raw))) return raw;
  complain(`expected a weight above 0, got ${describeValue(raw)}`, ["weight"]);
  return undefined;
}

/** What makes the request the client's own, or what Olla itself puts there. */
const clientsOwn = ["model", "stream", "messages", "prompt", "input"];

function readParams(raw: unknown, complain: Complain): Readonly<Record<string, unknown>> {
  if (raw === undefined) return noParams;
  if (!isMapping(raw)) {
    complain(`expected params to be a mapping, got ${describeType(raw)}`, ["params"]);
    return noParams;
  }
  for (const key of Object.keys(raw).filter((name) => clientsOwn.includes(name.toLowerCase()))) {
    complain(`\`${key}\` is for the client to say and cannot be one of the params`, ["params", key]);
  }
  for (const key of Object.keys(raw).filter((name) => !/^[\x21-\x7e]+$/.test(name))) {
    complain(`expected params with plain names, got ${describeValue(key)}`, ["params"]);
  }
  if (!isJson(raw)) complain("expected params that can be written as JSON", ["params"]);
  return raw;
}

/** An anchor inside itself, and numbers that JSON has no word for. */
function isJson(value: object): boolean {
  let isWritable = true;
  try {
    JSON.stringify(value, (_, inner: unknown) => {
      if (typeof inner === "number" && !Number.isFinite(inner)) isWritable = false;
      return inner;
    });
  } catch (error) {
    if (error instanceof TypeError) return false;
    throw error;
  }
  return isWritable;
}
