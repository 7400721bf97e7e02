import type { ValueChange } from "../config/config-changes.ts";
import { type ListedKey, listKeys, listSections, valueAt } from "../config/key-list.ts";
import type { ShownChange } from "../config/reload-report.ts";
import { configSchema } from "../config/schema.ts";
import { formatByteSize } from "../lib/byte-size.ts";
import { formatDuration } from "../lib/duration.ts";
import { isObject } from "../lib/json.ts";
import { Secret } from "../lib/secret.ts";
import type { ConfigKey, ConfigView } from "../server/routes/config-view.ts";
import type { AppOptions } from "./options.ts";

const hidden = "***";
const lists: readonly string[] = ["discovery.static.endpoints", "auth.keys"];

/** What the configuration comes to, defaults included, in the words of the file. Put together only when asked. */
export function createConfigView(options: AppOptions): ConfigView {
  const { config, configFile } = options;
  const durations = durationNames();
  const sections = listSections(configSchema).flatMap(({ path, doc, keys }) => {
    const shown = keys.filter(({ isInList }) => !isInList).map((key) => showKey(key, options));
    return shown.length === 0 ? [] : [{ path, doc, keys: shown }];
  });
  return {
    file: configFile,
    sections,
    lists: Object.fromEntries(
      lists.flatMap((path) => {
        const items = valueAt(config, path.split("."));
        return Array.isArray(items) ? [[path, items.map((item) => hideSecrets(item, durations))]] : [];
      }),
    ),
  };
}

function showKey({ path, parts, metadata }: ListedKey, { config, isSet, sourceOf }: AppOptions): ConfigKey {
  const value = valueAt(config, parts);
  const source = sourceOf?.(path) ?? (isSet(path) ? "set" : "default");
  // What was read out of a file, or replaced by what is in it, has no value of its own any more.
  const isGone = value === undefined && source !== "default";
  return {
    key: path,
    value: isGone ? hidden : metadata.isSecret ? hideAll(value) : inWords(value, metadata.type),
    default: metadata.initial ?? null,
    source,
    doc: metadata.doc,
    ...(metadata.status === "inert" && { inert: true as const }),
  };
}

/** One value that is another one now, as one would write it in the file. */
export function showChange({ path, before, after }: ValueChange): ShownChange {
  const key = listKeys(configSchema).find((listed) => listed.path === path);
  const durations = durationNames();
  const show = (value: unknown) => {
    if (key === undefined) return hideSecrets(value, durations);
    return key.metadata.isSecret ? hideAll(value) : (inWords(value, key.metadata.type) ?? null);
  };
  return { key: path, from: show(before), to: show(after) };
}

function inWords(value: unknown, type: ListedKey["metadata"]["type"]): unknown {
  if (typeof value === "number" && type === "duration") return formatDuration(value);
  if (typeof value === "number" && type === "size") return formatByteSize(value);
  return hideSecrets(value, new Set());
}

/** Of a mapping its names stay. */
function hideAll(value: unknown): unknown {
  if (value === undefined) return null;
  if (value instanceof Secret || !isObject(value)) return hidden;
  return Object.fromEntries(Object.keys(value).map((name) => [name, hidden]));
}

/** Names of keys in lists whose numbers are milliseconds. */
function durationNames(): ReadonlySet<string> {
  const keys = listSections(configSchema).flatMap(({ keys: inside }) => inside);
  const found = keys.filter(({ isInList, metadata }) => isInList && metadata.type === "duration");
  return new Set(found.map(({ parts }) => parts.at(-1) ?? ""));
}

/** A copy for eyes: credentials hidden, also those inside addresses, and files told from their content. */
export function hideSecrets(value: unknown, durations: ReadonlySet<string>): unknown {
  if (value instanceof Secret) return hidden;
  if (typeof value === "string") return hideInText(value);
  if (Array.isArray(value)) return value.map((item) => hideSecrets(item, durations));
  if (!isObject(value)) return value ?? null;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, inner]) => inner !== undefined)
      .map(([name, inner]) => [
        name,
        typeof inner === "number" && durations.has(name)
          ? formatDuration(inner)
          : hideSecrets(inner, durations),
      ]),
  );
}

/** An address without what may be a credential in it; a file in PEM is only named. */
export function hideInText(text: string): string {
  if (text.startsWith("-----BEGIN ")) return "(a file in PEM)";
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(text)) return text;
  return text.replace(/^([^/]+:\/\/)[^/?#]*@/, `$1${hidden}@`).replace(/\?[^#]*/, `?${hidden}`);
}
