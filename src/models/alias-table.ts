import {
  groupItems,
  type ItemGroup,
  type LongAliasItem,
  type ModelAliases,
} from "../config/schema-aliases.ts";
import { type Alias, type AliasStep, type AliasTable, type AliasTarget, noAliases } from "./alias.ts";

/**
 * Replaces the aliases that aliases name by what those stand for. Called once, with a configuration that was checked:
 * no cycles, and side by side only what has one step.
 */
export function createAliasTable(configured: ModelAliases): AliasTable {
  const entries = Object.entries(configured);
  if (entries.length === 0) return noAliases;
  const groups = new Map(entries.map(([name, items]) => [name.toLowerCase(), groupItems(items)]));
  const all = entries.map(([name]): Alias => ({ name, steps: expand(name.toLowerCase(), groups) }));
  const byName = new Map(all.map((alias) => [alias.name.toLowerCase(), alias]));
  return { find: (name) => byName.get(name.toLowerCase()), all };
}

type Groups = ReadonlyMap<string, readonly ItemGroup[]>;

/** @param key the alias in lower case */
function expand(key: string, groups: Groups): readonly AliasStep[] {
  return (groups.get(key) ?? []).flatMap(({ kind, items }): readonly AliasStep[] => {
    const [first] = items;
    if (items.length === 1 && first !== undefined) return stepsOf(first.item, kind, key, groups);
    const isPool = kind === "first-listed";
    const poolShare = { weight: 1 };
    const targets = items.flatMap(({ item }) => {
      const inner = stepsOf(item, kind, key, groups).flatMap((step) => step.targets);
      return isPool
        ? inner.map((target) => ({ ...target, share: poolShare }))
        : scaleTo(item.weight ?? 1, inner);
    });
    return [{ kind, targets }];
  });
}

/** What one item stands for: a model, or the steps of another alias. In its own list a name means the model. */
function stepsOf(
  item: LongAliasItem,
  kindOfModel: AliasStep["kind"],
  ownKey: string,
  groups: Groups,
): readonly AliasStep[] {
  const { model, endpoint: endpointName, params } = item;
  const key = model.toLowerCase();
  if (key === ownKey || !groups.has(key)) {
    return [{ kind: kindOfModel, targets: [{ model, endpointName, params, share: { weight: 1 } }] }];
  }
  return expand(key, groups).map(({ kind, targets }) => ({
    kind,
    targets: targets.map((target) => ({
      ...target,
      endpointName: endpointName ?? target.endpointName,
      params: mergeParams(target.params, params),
    })),
  }));
}

/** Shares the weight among targets as they shared the traffic before; those of one share stay together. */
function scaleTo(weight: number, targets: readonly AliasTarget[]): readonly AliasTarget[] {
  const shares = new Set(targets.map((target) => target.share));
  const total = [...shares].reduce((sum, share) => sum + share.weight, 0);
  const scaled = new Map([...shares].map((share) => [share, { weight: (weight * share.weight) / total }]));
  return targets.map((target) => ({ ...target, share: scaled.get(target.share) ?? target.share }));
}

/** Keeps the record where it can, so that whoever prepares it once finds it again. */
function mergeParams(inner: AliasTarget["params"], outer: AliasTarget["params"]): AliasTarget["params"] {
  if (Object.keys(outer).length === 0) return inner;
  return Object.keys(inner).length === 0 ? outer : { ...inner, ...outer };
}
