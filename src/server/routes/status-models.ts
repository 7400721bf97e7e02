import { displayBytes } from "../../models/listings/display-text.ts";
import type { Model } from "../../models/model.ts";
import type { UnifiedModel } from "../../models/unified-model.ts";
import { compareText } from "../../models/unify.ts";
import type { TokenTotals } from "../../observe/token-counts.ts";
import type { ServerDependencies } from "../dependencies.ts";
import { formatAgo, formatTime } from "../format-text.ts";
import { renderAliases } from "./status-aliases.ts";
import { tokenMember } from "./token-member.ts";

type ModelSources = Pick<ServerDependencies, "clock" | "endpoints" | "catalog" | "aliases" | "stats">;

interface SeenModel {
  readonly name: string;
  /** What any endpoint says of it; the first in URL order wins. */
  model: Model;
  lastSeenAt: number | undefined;
  readonly places: { readonly endpoint: string; readonly id: string }[];
}

const unknownFamily = "unknown";
const maxRecentModels = 10;
const longContextTokens = 100_000;

/** `GET /internal/status/models`. `isGrouped` adds every model, by family. */
export function renderModelStatus(sources: ModelSources, isGrouped: boolean): object {
  const now = sources.clock.wallTime();
  const models = mergeByName(sources);
  const aliases = aliasesByName(sources.catalog.unified());
  const families = groupByFamily(models);
  const render = (seen: SeenModel) => ({
    ...renderModel(seen, aliases.get(seen.name) ?? [], now),
    ...tokenMember(...tokensOf(seen, sources.stats)),
  });
  const recent = models.toSorted(
    (left, right) => (right.lastSeenAt ?? 0) - (left.lastSeenAt ?? 0) || compareText(left.name, right.name),
  );
  return {
    timestamp: formatTime(now),
    total_models: models.length,
    total_families: families.length,
    total_endpoints: sources.endpoints.snapshot().length,
    models_by_family: Object.fromEntries(
      families.map(([family, members]) => [family, members.map(({ name }) => name)]),
    ),
    recent_models: recent.slice(0, maxRecentModels).map(render),
    ...(sources.aliases.all.length === 0 ? {} : { model_aliases: renderAliases(sources) }),
    ...(isGrouped
      ? { model_groups: families.map(([family, members]) => renderGroup(family, members, render)) }
      : {}),
  };
}

/** Sorted by name. */
function mergeByName({ endpoints, catalog }: ModelSources): readonly SeenModel[] {
  const merged = new Map<string, SeenModel>();
  const byUrl = endpoints
    .snapshot()
    .map(({ endpoint }) => endpoint)
    .toSorted((left, right) => compareText(left.url, right.url) || compareText(left.name, right.name));
  for (const endpoint of byUrl) {
    const seenAt = catalog.lastUpdatedAt(endpoint.name);
    for (const model of catalog.modelsAt(endpoint.name)) {
      const seen = merged.get(model.name) ?? { name: model.name, model, lastSeenAt: undefined, places: [] };
      seen.model = { ...model, ...seen.model };
      seen.lastSeenAt = Math.max(seen.lastSeenAt ?? 0, seenAt ?? 0) || undefined;
      if (!seen.places.some(({ endpoint: name }) => name === endpoint.name)) {
        seen.places.push({ endpoint: endpoint.name, id: endpoint.id });
      }
      merged.set(model.name, seen);
    }
  }
  return [...merged.values()].sort((left, right) => compareText(left.name, right.name));
}

/** Families in alphabetical order, those without one last; members stay sorted. */
function groupByFamily(models: readonly SeenModel[]): readonly (readonly [string, readonly SeenModel[]])[] {
  const groups = Map.groupBy(models, ({ model }) => model.family || unknownFamily);
  return [...groups].sort(
    ([left], [right]) =>
      Number(left === unknownFamily) - Number(right === unknownFamily) || compareText(left, right),
  );
}

function renderGroup(
  family: string,
  members: readonly SeenModel[],
  render: (seen: SeenModel) => object,
): object {
  const names = new Set(members.flatMap(({ places }) => places.map(({ endpoint }) => endpoint)));
  return {
    family,
    models: members.map(render),
    endpoints: [...names].sort(compareText),
    model_count: members.length,
  };
}

function renderModel(
  { name, model, lastSeenAt, places }: SeenModel,
  aliases: readonly string[],
  now: number,
) {
  const sorted = places.toSorted(
    (left, right) => compareText(left.endpoint, right.endpoint) || compareText(left.id, right.id),
  );
  const capabilities = capabilitiesOf(model);
  return {
    name,
    ...optional("type", model.type),
    ...optional("family", model.family),
    ...(model.sizeBytes === undefined || model.sizeBytes <= 0 ? {} : { size: displayBytes(model.sizeBytes) }),
    ...optional("params", model.parameterSize),
    ...optional("quant", model.quantization),
    ...(model.maxContextLength === undefined ? {} : { context_length: model.maxContextLength }),
    last_seen: formatAgo(lastSeenAt, now),
    ...(lastSeenAt === undefined ? {} : { last_seen_at: formatTime(lastSeenAt) }),
    endpoints: sorted.map(({ endpoint }) => endpoint),
    endpoint_ids: sorted.map(({ id }) => id),
    ...(aliases.length === 0 ? {} : { aliases }),
    ...(capabilities.length === 0 ? {} : { capabilities }),
  };
}

const defaultTag = ":latest";

/** At each of its places, by the name that clients used there: Ollama's may be called without their default tag. */
function tokensOf({ name, places }: SeenModel, { tokens }: ModelSources["stats"]): TokenTotals[] {
  const names = name.endsWith(defaultTag) ? [name, name.slice(0, -defaultTag.length)] : [name];
  return places.flatMap(({ endpoint }) => names.map((each) => tokens.model(endpoint, each)));
}

function optional(name: string, text: string | undefined): object {
  return text === undefined || text === "" ? {} : { [name]: text };
}

/** For each name the other names of the same model, sorted. */
function aliasesByName(unified: readonly UnifiedModel[]): ReadonlyMap<string, readonly string[]> {
  const others = new Map<string, readonly string[]>();
  for (const model of unified) {
    const names = [...new Set([model.id, ...model.aliases.map(({ name }) => name)])].sort(compareText);
    if (names.length === 1) continue;
    for (const name of names)
      others.set(
        name,
        names.filter((other) => other !== name),
      );
  }
  return others;
}

const capabilitiesByType: Readonly<Record<string, readonly string[]>> = {
  llm: ["text_generation", "chat"],
  vlm: ["vision", "multimodal"],
  embeddings: ["embeddings", "vector_search"],
};

/** What type, context and quantisation imply, then what the backend itself says. */
function capabilitiesOf(model: Model): readonly string[] {
  const found = new Set(model.type === undefined ? [] : capabilitiesByType[model.type]);
  if ((model.maxContextLength ?? 0) > longContextTokens) found.add("long_context");
  if (/fp16|bf16/i.test(model.quantization ?? "")) found.add("high_precision");
  for (const capability of model.capabilities ?? []) found.add(capability);
  return [...found];
}
