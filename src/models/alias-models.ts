import type { Alias, AliasTable } from "./alias.ts";
import type { ModelPlace } from "./place-index.ts";
import type { ModelSource, UnifiedModel } from "./unified-model.ts";
import { compareText, describeModel, narrowModel } from "./unify.ts";

/** Of `ModelCatalog`. */
export interface CatalogedModels {
  /** The same array until something changes. */
  unified(): readonly UnifiedModel[];
  placesOf(name: string): readonly ModelPlace[];
}

/**
 * What model lists show: the catalog's models, and every alias that some endpoint has a model of, as one more model.
 * Whoever counts models asks the catalog. The result is the same array until something changes, sorted by id.
 */
export function createListedModels(
  catalog: CatalogedModels,
  aliases: AliasTable,
): () => readonly UnifiedModel[] {
  if (aliases.all.length === 0) return () => catalog.unified();
  let models: readonly UnifiedModel[] | undefined;
  let listed: readonly UnifiedModel[] = [];
  return () => {
    const current = catalog.unified();
    if (current === models) return listed;
    models = current;
    const sourceAt = indexSources(current);
    const described = aliases.all.flatMap((alias) => describeAlias(alias, catalog, sourceAt) ?? []);
    listed = sortById([...current, ...described]);
    return listed;
  };
}

/** Takes the names away from models that an alias in the same list has: who asks for such a name gets the alias. */
export function hideNamesakes(models: readonly UnifiedModel[]): readonly UnifiedModel[] {
  const aliases = models.filter(({ aliasOf }) => aliasOf !== undefined);
  if (aliases.length === 0) return models;
  const hidden = new Set(aliases.map(({ id }) => id.toLowerCase()));
  const taken = new Set(models.map(({ id }) => id));
  const left = models.flatMap((model) => {
    if (model.aliasOf !== undefined) return model;
    const rest = narrowModel(model, ({ nativeName }) => !hidden.has(nativeName.toLowerCase()));
    if (rest === undefined) return [];
    if (!hidden.has(rest.id.toLowerCase())) return rest;
    const names = rest.aliases.map(({ name }) => name);
    const id = names.find((name) => !taken.has(name)) ?? `${rest.id}-${rest.sources[0]?.endpointName}`;
    taken.add(id);
    return { ...rest, id };
  });
  return sortById(left);
}

type SourceAt = (endpointName: string, nativeName: string) => ModelSource | undefined;

function indexSources(models: readonly UnifiedModel[]): SourceAt {
  const byEndpoint = new Map<string, Map<string, ModelSource>>();
  for (const source of models.flatMap(({ sources }) => sources)) {
    const own = byEndpoint.get(source.endpointName) ?? new Map<string, ModelSource>();
    byEndpoint.set(source.endpointName, own.set(source.nativeName, source));
  }
  return (endpointName, nativeName) => byEndpoint.get(endpointName)?.get(nativeName);
}

function describeAlias(alias: Alias, catalog: CatalogedModels, sourceAt: SourceAt): UnifiedModel | undefined {
  const targets = alias.steps.flatMap((step) => step.targets);
  const sources = targets.flatMap(({ model, endpointName }, targetIndex) =>
    catalog.placesOf(model).flatMap((place): readonly ModelSource[] => {
      if (endpointName !== undefined && endpointName !== place.endpointName) return [];
      const source = sourceAt(place.endpointName, place.model.name);
      return source === undefined ? [] : [{ ...source, nativeName: alias.name, targetIndex }];
    }),
  );
  if (sources.length === 0) return undefined;
  const aliasOf = [...new Set(targets.map(({ model }) => model))];
  return { ...describeModel(alias.name, sources), aliasOf };
}

function sortById(models: readonly UnifiedModel[]): readonly UnifiedModel[] {
  return models.toSorted((left, right) => compareText(left.id, right.id));
}
