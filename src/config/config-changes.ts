import { isDeepStrictEqual } from "node:util";
import { Secret } from "../lib/secret.ts";
import { listKeys, valueAt, withValueAt } from "./key-list.ts";
import { isMapping, joinPath, type KeyPath } from "./problem.ts";
import { type Config, configSchema } from "./schema.ts";

/** What one configuration says otherwise than another. */
export interface ConfigChanges {
  readonly endpoints: ListChanges;
  readonly clientKeys: ListChanges;
  /** Everything outside these two lists, in the order of the schema. */
  readonly values: readonly ValueChange[];
}

/** Of a list whose items have names. */
export interface ListChanges {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly changed: readonly { readonly name: string; readonly keys: readonly string[] }[];
  readonly unchanged: number;
}

export interface ValueChange {
  readonly path: string;
  readonly before: unknown;
  readonly after: unknown;
}

type Named = Readonly<Record<string, unknown>> & { readonly name: string };

export function compareConfigs(before: Config, after: Config): ConfigChanges {
  const withoutLists = (config: Config): unknown =>
    withValueAt(withValueAt(config, ["discovery", "static", "endpoints"], undefined), ["auth", "keys"], []);
  return {
    endpoints: compareLists(endpointsOf(before), endpointsOf(after)),
    clientKeys: compareLists(before.auth.keys, after.auth.keys),
    values: compareTrees(withoutLists(before), withoutLists(after), []),
  };
}

export function isUnchanged({ endpoints, clientKeys, values }: ConfigChanges): boolean {
  const isSame = ({ added, removed, changed }: ListChanges) =>
    added.length + removed.length + changed.length === 0;
  return isSame(endpoints) && isSame(clientKeys) && values.length === 0;
}

function endpointsOf(config: Config): readonly Named[] {
  return (config.discovery.static.endpoints ?? []) as readonly (Named & object)[];
}

function compareLists(before: readonly Named[], after: readonly Named[]): ListChanges {
  const earlier = new Map(before.map((item) => [item.name, item]));
  const later = new Set(after.map(({ name }) => name));
  const compared = after.flatMap((item) => {
    const known = earlier.get(item.name);
    return known === undefined
      ? []
      : [{ name: item.name, keys: compareTrees(known, item, []).map(({ path }) => path) }];
  });
  return {
    added: after.map(({ name }) => name).filter((name) => !earlier.has(name)),
    removed: before.map(({ name }) => name).filter((name) => !later.has(name)),
    changed: compared.filter(({ keys }) => keys.length > 0),
    unchanged: compared.filter(({ keys }) => keys.length === 0).length,
  };
}

function compareTrees(before: unknown, after: unknown, path: KeyPath): ValueChange[] {
  const bothBranch = isBranch(before) && isBranch(after);
  if (!bothBranch) return isSame(before, after) ? [] : [{ path: joinPath(path), before, after }];
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...names].flatMap((name) => compareTrees(before[name], after[name], [...path, name]));
}

function isBranch(value: unknown): value is Readonly<Record<string, unknown>> {
  return isMapping(value) && !(value instanceof Secret);
}

/** Secrets look alike from outside; what they hold decides. */
function isSame(before: unknown, after: unknown): boolean {
  if (before instanceof Secret || after instanceof Secret) {
    return before instanceof Secret && after instanceof Secret && before.reveal() === after.reveal();
  }
  return isDeepStrictEqual(before, after);
}

/** What other values would take a restart for, by the key; as the listeners and the log were made with them. */
export function restartKeys(): readonly KeyPath[] {
  return listKeys(configSchema)
    .filter(({ metadata }) => metadata.takesRestart === true)
    .map(({ parts }) => parts);
}

export interface WithoutRestart {
  /** The wanted configuration, with what is in force for the keys that take a restart. */
  readonly config: Config;
  /** Those of them that would have another value. */
  readonly waiting: readonly string[];
}

/** What of a wanted configuration can be put in force while Olla runs. */
export function withoutRestart(wanted: Config, running: Config): WithoutRestart {
  const waiting: string[] = [];
  let config: unknown = wanted;
  for (const path of restartKeys()) {
    if (isTlsKey(path)) continue;
    const inForce = valueAt(running, path);
    if (isSame(inForce, valueAt(wanted, path))) continue;
    waiting.push(joinPath(path));
    config = withValueAt(config, path, inForce);
  }
  // What stands in the files of a certificate is renewed without a restart, so only their names count.
  if (!isSame(tlsChoices(running), tlsChoices(wanted))) waiting.push("server.tls");
  config = withValueAt(config, ["server", "tls"], running.server.tls);
  return { config: config as Config, waiting };
}

function isTlsKey([section, name]: KeyPath): boolean {
  return section === "server" && name === "tls";
}

function tlsChoices({ server: { tls } }: Config): unknown {
  return tls && { files: tls.files, min_version: tls.min_version };
}
