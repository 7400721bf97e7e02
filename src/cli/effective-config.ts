import { hideInText } from "../app/config-view.ts";
import { type KeyMetadata, type SchemaNode, shapeOf } from "../config/key.ts";
import { valueAt } from "../config/key-list.ts";
import type { LoadedConfig, ValueSource } from "../config/load.ts";
import { isMapping, joinPath, type KeyPath } from "../config/problem.ts";
import { type Config, configSchema } from "../config/schema.ts";
import { formatByteSize } from "../lib/byte-size.ts";
import { formatDuration } from "../lib/duration.ts";
import { Secret } from "../lib/secret.ts";
import { harmless } from "./safe-text.ts";
import { yamlText, yamlValue } from "./yaml-text.ts";

/** One key of a configuration as it is in force. */
export interface EffectiveKey {
  /** Dotted, with `[index]` for list items. */
  readonly key: string;
  /** In the words of the file; `null` for unset, and a mark in the place of a credential. */
  readonly value: unknown;
  readonly source: ValueSource;
  /** Of the file, where the value stands there. */
  readonly line?: number;
  readonly variable?: string;
  /** The key that the value was really written for, where that is another one. */
  readonly by?: string;
}

/** A loaded configuration without errors. */
export type UsableConfig = LoadedConfig & { readonly config: Config };

const hidden = "***";

/** Every key there is, but for those that do nothing and are not set. */
export function listEffective(loaded: UsableConfig): EffectiveKey[] {
  return flatten(readSection(configSchema, [], loaded));
}

/** The same as YAML, with a comment behind each value that says where it came from. */
export function renderEffective(loaded: UsableConfig): string {
  const lines = renderNodes(readSection(configSchema, [], loaded), loaded.file);
  return `${lines.map(formatLine).join("\n")}\n`;
}

type Node =
  | { readonly kind: "key"; readonly name: string; readonly key: EffectiveKey }
  | { readonly kind: "section"; readonly name: string; readonly inside: readonly Node[] }
  | { readonly kind: "list"; readonly name: string; readonly items: readonly (readonly Node[])[] };

function flatten(nodes: readonly Node[]): EffectiveKey[] {
  return nodes.flatMap((node) => {
    if (node.kind === "key") return node.key;
    return node.kind === "section" ? flatten(node.inside) : node.items.flatMap(flatten);
  });
}

function readSection(node: SchemaNode, path: KeyPath, loaded: UsableConfig): Node[] {
  const shape = shapeOf(node);
  if (shape.kind !== "section") return [];
  return Object.entries(shape.entries).flatMap(([name, entry]): Node[] => {
    const below = [...path, name];
    const inner = shapeOf(entry);
    if (inner.kind === "section")
      return [{ kind: "section", name, inside: readSection(entry, below, loaded) }];
    if (inner.kind === "key") {
      const key = readKey(below, inner.metadata, loaded);
      const isIdle = inner.metadata.status === "inert" && key.source === "default";
      return isIdle ? [] : [{ kind: "key", name, key }];
    }
    const items = valueAt(loaded.config, below);
    if (Array.isArray(items) && items.length > 0) {
      const each = items.map((_, index) => readSection(inner.item, [...below, index], loaded));
      return [{ kind: "list", name, items: each }];
    }
    return [{ kind: "key", name, key: { ...originOf(below, loaded), value: items ?? null } }];
  });
}

function readKey(path: KeyPath, metadata: KeyMetadata, loaded: UsableConfig): EffectiveKey {
  const inForce = valueAt(loaded.config, path);
  const origin = originOf(path, loaded);
  const isSet = origin.source !== "default";
  if (metadata.isSecret) return { ...origin, value: isSet ? hide(valueAt(loaded.written, path)) : null };
  const older = olderNames[origin.key];
  const isOlder = older !== undefined && loaded.isSet(older.key) && older.counts(loaded);
  return {
    ...(isOlder ? { ...originOf(older.key.split("."), loaded), key: origin.key, by: older.key } : origin),
    value: inWords(isReadAway(inForce, metadata) ? valueAt(loaded.written, path) : inForce, metadata),
  };
}

/** Keys that may have their value from another one, which `loadConfig` has taken into account. */
const olderNames: Readonly<
  Record<string, { readonly key: string; readonly counts: (loaded: UsableConfig) => boolean }>
> = {
  "proxy.retry.max_attempts": {
    key: "proxy.max_retries",
    counts: (loaded) => !loaded.isSet("proxy.retry.max_attempts"),
  },
  "proxy.retry.backoff": {
    key: "proxy.retry_backoff",
    counts: (loaded) => !loaded.isSet("proxy.retry.backoff"),
  },
  "proxy.response_timeout": {
    key: "server.write_timeout",
    counts: ({ config: { proxy, server } }) => proxy.response_timeout === server.write_timeout,
  },
};

/** Whether what is in force is no longer what the key says, but what stands in the file that it names, or a time. */
function isReadAway(inForce: unknown, { type }: KeyMetadata): boolean {
  if (inForce === undefined || inForce instanceof Secret) return true;
  return type === "string" && (typeof inForce !== "string" || inForce.startsWith("-----BEGIN "));
}

function originOf(path: KeyPath, loaded: UsableConfig): Omit<EffectiveKey, "value"> {
  const key = joinPath(path);
  const source = loaded.sourceOf(key);
  const variable = loaded.variableOf(key);
  const line = source === "file" ? loaded.locate(path)?.line : undefined;
  return { key, source, ...(line !== undefined && { line }), ...(variable !== undefined && { variable }) };
}

/** Of a mapping its names stay. */
function hide(written: unknown): unknown {
  if (!isMapping(written)) return hidden;
  return Object.fromEntries(Object.keys(written).map((name) => [name, hidden]));
}

function inWords(value: unknown, { type }: KeyMetadata): unknown {
  if (typeof value === "number" && type === "duration") return formatDuration(value);
  if (typeof value === "number" && type === "size" && value % 1024 === 0 && value > 0)
    return formatByteSize(value);
  return typeof value === "string" ? hideInText(value) : (value ?? null);
}

const commentColumn = 48;

interface Line {
  readonly text: string;
  readonly comment?: string;
}

function formatLine({ text, comment }: Line): string {
  return comment === undefined ? text : `${text.padEnd(commentColumn - 1)} # ${comment}`;
}

function renderNodes(nodes: readonly Node[], file: string | undefined): Line[] {
  return nodes.flatMap((node): Line[] => {
    const name = yamlText(node.name);
    if (node.kind === "key") return [renderKey(name, node.key, file)];
    const inside =
      node.kind === "section"
        ? renderNodes(node.inside, file)
        : node.items.flatMap((item) => {
            return renderNodes(item, file).map((line, index) => behind(index === 0 ? "- " : "  ", line));
          });
    return [{ text: `${name}:` }, ...inside.map((line) => behind("  ", line))];
  });
}

function behind(margin: string, line: Line): Line {
  return { ...line, text: margin + line.text };
}

function renderKey(name: string, key: EffectiveKey, file: string | undefined): Line {
  if (key.value === null) return { text: `# ${name}: unset` };
  return { text: `${name}: ${yamlValue(key.value)}`, comment: describeOrigin(key, file) };
}

function describeOrigin({ source, line, variable, by }: EffectiveKey, file: string | undefined): string {
  const through = by === undefined ? "" : `, ${by}`;
  if (source === "environment") return `${variable}${through}`;
  if (source === "default") return "default";
  return `${harmless(file ?? "")}${line === undefined ? "" : `:${line}`}${through}`;
}
