import { nearestNames } from "../lib/nearest.ts";
import type { Report } from "./endpoint-auth.ts";
import { endpointLabel, endpointsPath } from "./endpoints.ts";
import { valueAt } from "./key-list.ts";
import { describeValue, isMapping } from "./problem.ts";
import { groupItems, type ItemGroup, type LongAliasItem, readAliases } from "./schema-aliases.ts";

const aliasesPath = "model_aliases";

interface DraftAlias {
  readonly name: string;
  readonly groups: readonly ItemGroup[];
}

/** By name in lower case. */
type Drafts = ReadonlyMap<string, DraftAlias>;

/**
 * What only several aliases together, or aliases and endpoints, can have wrong. Works on the raw tree, so that it finds
 * everything even when the schema has objections of its own.
 */
export function checkAliases(tree: unknown, report: Report): void {
  const raw = valueAt(tree, [aliasesPath]);
  if (!isMapping(raw)) return;
  const drafts = new Map<string, DraftAlias>();
  for (const [name, items] of Object.entries(readAliases(raw, () => {}))) {
    const key = name.toLowerCase();
    const earlier = drafts.get(key);
    if (earlier === undefined) drafts.set(key, { name, groups: groupItems(items) });
    else {
      const message = `expected a name of its own, got ${describeValue(earlier.name)} with other capitals, which do not count`;
      report([aliasesPath, name], message);
    }
  }
  const isSound = !reportCycles(drafts, report) && !reportTooLong(drafts, report);
  const endpointNames = configuredNames(tree);
  for (const [key, { name, groups }] of drafts) {
    for (const { kind, items } of groups) {
      for (const { item, index } of items) {
        if (endpointNames.length > 0) checkEndpoint(item, endpointNames, [aliasesPath, name, index], report);
        if (isSound && items.length > 1)
          checkNeighbour({ key, kind, item }, drafts, [aliasesPath, name, index], report);
      }
    }
    reportRepeated(name, groups, report);
  }
}

type ItemPath = readonly [string, string, number];

function configuredNames(tree: unknown): readonly string[] {
  const entries = valueAt(tree, endpointsPath);
  if (!Array.isArray(entries)) return [];
  return entries.map(endpointLabel).filter((name) => name !== undefined);
}

function checkEndpoint(
  { endpoint }: LongAliasItem,
  names: readonly string[],
  path: ItemPath,
  report: Report,
): void {
  if (endpoint === undefined || names.includes(endpoint)) return;
  const meant = nearestNames(endpoint, names, 1)[0];
  const hint = meant === undefined ? "" : `; did you mean ${describeValue(meant)}?`;
  report(
    [...path, "endpoint"],
    `expected the name of a configured endpoint, got ${describeValue(endpoint)}${hint}`,
  );
}

/** @returns whether there are any. Each is reported once, at the item that closes it. */
function reportCycles(drafts: Drafts, report: Report): boolean {
  const finished = new Set<string>();
  let isAnyFound = false;
  const visit = (key: string, way: readonly string[]) => {
    const draft = drafts.get(key);
    if (draft === undefined || finished.has(key)) return;
    const wayHere = [...way, key];
    for (const { item, index } of draft.groups.flatMap(({ items }) => items)) {
      const next = item.model.toLowerCase();
      // In its own list a name means the model.
      if (next === key) continue;
      const start = wayHere.indexOf(next);
      if (start === -1) {
        visit(next, wayHere);
        continue;
      }
      isAnyFound = true;
      const names = [...wayHere.slice(start), next].map((step) => drafts.get(step)?.name ?? step);
      report(
        [aliasesPath, draft.name, index],
        `expected aliases that lead to models, got a circle: ${names.join(" -> ")}`,
      );
    }
    finished.add(key);
  };
  for (const key of drafts.keys()) visit(key, []);
  return isAnyFound;
}

/** Aliases that name others twice double at every level: what stands at the end must fit in memory. */
const maxTargets = 1_000;

/** Of drafts without circles. @returns whether there are any */
function reportTooLong(drafts: Drafts, report: Report): boolean {
  const counts = new Map<string, number>();
  const countOf = (key: string): number => {
    const known = counts.get(key);
    if (known !== undefined) return known;
    const items = drafts.get(key)?.groups.flatMap((group) => group.items) ?? [];
    const count = items.reduce((sum, { item }) => {
      const next = item.model.toLowerCase();
      return sum + (next !== key && drafts.has(next) ? countOf(next) : 1);
    }, 0);
    counts.set(key, count);
    return count;
  };
  let isAnyFound = false;
  for (const [key, { name }] of drafts) {
    if (countOf(key) <= maxTargets) continue;
    isAnyFound = true;
    const message = `expected at most ${maxTargets} models behind an alias, got ${countOf(key)}, through the aliases that it names`;
    report([aliasesPath, name], message);
  }
  return isAnyFound;
}

interface Shape {
  readonly stepCount: number;
  /** One step without shares: one model, or the several names of one. */
  readonly isPool: boolean;
}

function shapeOf(key: string, drafts: Drafts): Shape {
  const shapes = (drafts.get(key)?.groups ?? []).map(({ kind, items }): Shape => {
    const only = items.length === 1 ? items[0]?.item.model.toLowerCase() : undefined;
    if (only !== undefined && only !== key && drafts.has(only)) return shapeOf(only, drafts);
    return { stepCount: 1, isPool: only !== undefined || kind === "first-listed" };
  });
  const stepCount = shapes.reduce((sum, shape) => sum + shape.stepCount, 0);
  return { stepCount, isPool: stepCount === 1 && shapes.every((shape) => shape.isPool) };
}

/** A chain has no place among items that stand side by side, and shares have none in a pool that does not share. */
function checkNeighbour(
  { key, kind, item }: { key: string; kind: ItemGroup["kind"]; item: LongAliasItem },
  drafts: Drafts,
  path: ItemPath,
  report: Report,
): void {
  const named = item.model.toLowerCase();
  if (named === key || !drafts.has(named)) return;
  const { stepCount, isPool } = shapeOf(named, drafts);
  const subject = describeValue(item.model);
  if (stepCount > 1) {
    const cure = kind === "weighted" ? "leave the weights out" : `write the items as \`{model: …}\``;
    report(
      path,
      `expected a model or an alias of one step, got ${subject} with ${stepCount} steps; to try the items in order, ${cure}`,
    );
  } else if (kind === "first-listed" && !isPool) {
    report(
      path,
      `expected a model or a plain list, got ${subject}, whose models share the traffic by weight; give the items here weights, too`,
    );
  }
}

function reportRepeated(name: string, groups: readonly ItemGroup[], report: Report): void {
  const seen = new Map<string, number>();
  for (const { item, index } of groups.flatMap(({ items }) => items)) {
    // Without a name it has been reported already; the same model with other params is another thing to try.
    if (item.model === "" || Object.keys(item.params).length > 0) continue;
    const target = `${item.endpoint ?? ""} ${item.model.toLowerCase()}`;
    const earlier = seen.get(target);
    if (earlier === undefined) seen.set(target, index);
    else
      report([aliasesPath, name, index], `names the same model twice, first as item ${earlier}`, "warning");
  }
}
