import { describingSources, type ModelSource, type UnifiedModel } from "../unified-model.ts";
import { createdSeconds } from "./listed-model.ts";
import type { ListingContext } from "./listing-format.ts";

/** `GET /olla/models`: one entry for each unified model. */
export function renderUnifiedListing(models: readonly UnifiedModel[], context: ListingContext): object {
  return { object: "list", data: models.map((model) => renderModel(model, context)) };
}

function renderModel(model: UnifiedModel, context: ListingContext): object {
  const oldest = describingSources(model).find((source) => source.model.modifiedAt !== undefined);
  return {
    id: model.id,
    object: "model",
    created: createdSeconds(oldest, context),
    owned_by: "olla",
    olla: {
      family: model.family,
      variant: model.variant,
      parameter_size: model.parameterSize,
      quantization: model.quantization,
      ...(model.maxContextLength === undefined ? {} : { max_context_length: model.maxContextLength }),
      ...(model.guessedContextLength === undefined
        ? {}
        : { estimated_context_length: model.guessedContextLength }),
      aliases: aliasNames(model),
      availability: [...statesByEndpoint(model.sources)].map(([endpoint, state]) => ({ endpoint, state })),
      capabilities: model.capabilities,
      ...(model.aliasOf === undefined ? {} : { alias_of: model.aliasOf }),
    },
  };
}

/** The names of a model, each once, in the order of its sources. */
export function aliasNames(model: UnifiedModel): readonly string[] {
  return [...new Set(model.aliases.map((alias) => alias.name))];
}

/** One state for each endpoint; where several names differ, `loaded` counts. */
export function statesByEndpoint(sources: readonly ModelSource[]): ReadonlyMap<string, string> {
  const states = new Map<string, string>();
  for (const { endpointName, state } of sources) {
    if (!states.has(endpointName) || state === "loaded") states.set(endpointName, state);
  }
  return states;
}
