import { type Profile, servesOpenaiClients } from "../../profiles/profile.ts";
import { hideNamesakes } from "../alias-models.ts";
import type { ModelType } from "../model.ts";
import type { ModelSource, UnifiedModel } from "../unified-model.ts";
import { narrowModel } from "../unify.ts";
import type { ListingFormat } from "./listing-format.ts";

/** What a listing has to know of the endpoints, as they are at this moment. */
export interface EndpointView {
  /** Whether requests may be sent there now. */
  isRoutable(endpointName: string): boolean;
  /** The name of the endpoint with this name or URL. */
  resolveName(nameOrUrl: string): string | undefined;
}

/** The query of `/olla/models`, after parsing. */
export interface ModelQuery {
  readonly format?: ListingFormat | undefined;
  /** Name or URL; one that nobody has gives an empty list. */
  readonly endpoint?: string | undefined;
  readonly family?: string | undefined;
  readonly type?: string | undefined;
  /** The older word for `type`; wins over it where it is known. */
  readonly capability?: string | undefined;
  readonly available?: boolean | undefined;
  /** Also models that no routable endpoint has. */
  readonly includeUnavailable?: boolean | undefined;
}

const typeByCapability: ReadonlyMap<string, ModelType> = new Map([
  ["vision", "vlm"],
  ["multimodal", "vlm"],
  ["embedding", "embeddings"],
  ["embeddings", "embeddings"],
  ["vector_search", "embeddings"],
  ["chat", "llm"],
  ["text_generation", "llm"],
  ["completion", "llm"],
]);

/** What a backend says by type, and what only capabilities tell. */
const capabilitiesByType: Readonly<Record<string, readonly string[]>> = {
  llm: ["chat", "completion", "text-generation"],
  vlm: ["vision"],
  embeddings: ["embedding", "embeddings"],
  rerank: ["rerank"],
  stt: ["transcription"],
  tts: ["speech"],
  image: ["image-generation"],
};

/** States in which an endpoint would answer for a model; most kinds name none, and list only what they serve. */
const usableStates: ReadonlySet<string> = new Set(["loaded", "loading", "available", "unknown"]);

/** Formats that only show the names which endpoints of that very kind use. */
const nativeFormats: ReadonlySet<string> = new Set<ListingFormat>(["ollama", "lmstudio"]);

/** Applies the query of `/olla/models`. Order is kept. */
export function selectModels(
  models: readonly UnifiedModel[],
  query: ModelQuery,
  endpoints: EndpointView,
): readonly UnifiedModel[] {
  const type = typeByCapability.get(query.capability?.toLowerCase() ?? "") ?? query.type;
  const endpointName = query.endpoint === undefined ? undefined : endpoints.resolveName(query.endpoint);
  if (query.endpoint !== undefined && endpointName === undefined) return [];
  const isReachable = (source: ModelSource) => endpoints.isRoutable(source.endpointName);
  const isUsable = (source: ModelSource) => isReachable(source) && usableStates.has(source.state);

  const selected = hideNamesakes(models.map((model) => narrowAlias(model, isReachable))).filter(
    (model) =>
      (query.includeUnavailable === true || model.sources.some(isReachable)) &&
      (endpointName === undefined || model.sources.some((source) => source.endpointName === endpointName)) &&
      (query.family === undefined || model.family === query.family) &&
      (type === undefined || isOfType(model, type)) &&
      (query.available === undefined || model.sources.some(isUsable) === query.available),
  );
  const { format } = query;
  if (format === undefined || !nativeFormats.has(format)) return selected;
  return selected.flatMap((model) => narrowModel(model, (source) => source.platform === format) ?? []);
}

/**
 * What a provider's own list shows: models that a routable endpoint of these kinds has, under the names used there.
 * @param backendTypes from `backendTypesOf`.
 */
export function selectProviderModels(
  models: readonly UnifiedModel[],
  backendTypes: ReadonlySet<string>,
  endpoints: Pick<EndpointView, "isRoutable">,
): readonly UnifiedModel[] {
  const inScope = models.flatMap(
    (model) => narrowModel(model, ({ backendType }) => backendTypes.has(backendType)) ?? [],
  );
  // An alias that is known here keeps its name also while nothing that it leads to is there.
  return hideNamesakes(inScope).flatMap(
    (model) => narrowModel(model, ({ endpointName }) => endpoints.isRoutable(endpointName)) ?? [],
  );
}

/** An alias is what it leads to now; where that is nothing, what it would lead to. */
export function narrowAlias(
  model: UnifiedModel,
  isReachable: (source: ModelSource) => boolean,
): UnifiedModel {
  return model.aliasOf === undefined ? model : (narrowModel(model, isReachable) ?? model);
}

/** The profile names that `/olla/<prefix>/` of this profile leads to: its own, for `openai-compatible` all that speak it. */
export function backendTypesOf(profile: Profile, profiles: Iterable<Profile>): ReadonlySet<string> {
  const names = new Set([profile.name]);
  if (profile.name !== "openai-compatible") return names;
  for (const other of profiles) if (servesOpenaiClients(other)) names.add(other.name);
  return names;
}

/** The profile names behind `/olla/proxy/v1/models`. */
export function openaiBackendTypes(profiles: Iterable<Profile>): ReadonlySet<string> {
  return new Set([...profiles].filter(servesOpenaiClients).map((profile) => profile.name));
}

function isOfType(model: UnifiedModel, type: string): boolean {
  if (model.type === type) return true;
  const wanted = Object.hasOwn(capabilitiesByType, type) ? capabilitiesByType[type] : undefined;
  return model.capabilities.some((capability) => wanted?.includes(capability));
}
