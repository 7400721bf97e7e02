import { isAt, type ModelPlace } from "../place-index.ts";
import type { UnifiedModel } from "../unified-model.ts";
import { displayAge, displayBytes } from "./display-text.ts";
import { aliasNames, statesByEndpoint } from "./unified.ts";

/** `GET /olla/models/{id}`. `now` is in milliseconds since the epoch. */
export function renderModelDetail(model: UnifiedModel, now: number): object {
  const states = [...statesByEndpoint(model.sources)];
  return {
    id: model.id,
    family: model.family,
    variant: model.variant,
    parameter_size: model.parameterSize,
    parameter_count: model.parameterCount,
    quantization: model.quantization,
    format: model.format,
    ...(model.maxContextLength === undefined ? {} : { max_context_length: model.maxContextLength }),
    ...(model.guessedContextLength === undefined
      ? {}
      : { estimated_context_length: model.guessedContextLength }),
    total_disk_size: displayBytes(model.totalSizeBytes),
    last_seen: displayAge(now - model.lastSeenAt),
    aliases: aliasNames(model),
    endpoints: states.map(([endpoint]) => endpoint),
    loaded_endpoints: states.filter(([, state]) => state === "loaded").map(([endpoint]) => endpoint),
    capabilities: model.capabilities,
    ...(model.aliasOf === undefined ? {} : { alias_of: model.aliasOf }),
  };
}

/**
 * The model with this id, else the one that has this name as an alias: spelled so, else ignoring case, else with
 * `:latest` behind it. `idOrName` is decoded already and may hold slashes.
 */
export function findModel(models: readonly UnifiedModel[], idOrName: string): UnifiedModel | undefined {
  const wanted = idOrName.toLowerCase();
  const tests: readonly ((model: UnifiedModel) => boolean)[] = [
    (model) => model.id === idOrName,
    (model) => model.aliases.some((alias) => alias.name === idOrName),
    (model) => model.id.toLowerCase() === wanted,
    (model) => model.aliases.some((alias) => alias.name.toLowerCase() === wanted),
    (model) => model.aliases.some((alias) => alias.name.toLowerCase() === `${wanted}:latest`),
  ];
  for (const test of tests) {
    const found = models.find(test);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The model that a request would find at one of these places: it may have another name there. */
export function findModelAt(
  models: readonly UnifiedModel[],
  places: readonly ModelPlace[],
): UnifiedModel | undefined {
  return models.find(
    ({ aliasOf, sources }) => aliasOf === undefined && sources.some((source) => isAt(places, source)),
  );
}
