import { builtinNaming } from "../config/builtin-naming.ts";
import type { Model } from "./model.ts";
import { ModelDescriber, type ModelTraits, platformOf, stateOf } from "./model-attributes.ts";
import { describingSources, type ModelAlias, type ModelSource, type UnifiedModel } from "./unified-model.ts";

/** The last list of one endpoint. */
export interface EndpointModels {
  readonly endpointName: string;
  /** The endpoint's profile name. */
  readonly backendType: string;
  readonly models: readonly Model[];
  /** Milliseconds since the epoch. */
  readonly refreshedAt: number;
}

export interface UnifyRules {
  /** False: every name at every endpoint is a record of its own, with the id `name@endpoint`. */
  readonly isMerging: boolean;
  /** Whether a name without a tag is the name with `:latest`. */
  readonly isUntaggedLatest: boolean;
}

interface Draft {
  digest: string | undefined;
  readonly sources: ModelSource[];
}

/**
 * Merges the lists of all endpoints: same digest, else same name ignoring case unless the digests contradict.
 * Depends on nothing but its input: endpoints and models in any order give the same records, sorted by id.
 * @param describer what it read of a name it need not read again; the built-in table where none is given
 */
export function unifyModels(
  lists: readonly EndpointModels[],
  describer: ModelDescriber = new ModelDescriber({ naming: builtinNaming() }),
  rules: UnifyRules = { isMerging: true, isUntaggedLatest: false },
): readonly UnifiedModel[] {
  if (!rules.isMerging) return listSeparately(lists, describer);
  const drafts: Draft[] = [];
  const byDigest = new Map<string, Draft>();
  const byName = new Map<string, Draft[]>();

  for (const list of lists.toSorted((left, right) => compareText(left.endpointName, right.endpointName))) {
    for (const model of list.models.toSorted(compareNames)) {
      const digest = normaliseDigest(model.digest);
      const nameKey = rules.isUntaggedLatest
        ? withoutLatest(model.name.toLowerCase())
        : model.name.toLowerCase();
      const namesakes = byName.get(nameKey) ?? [];
      let draft =
        (digest === undefined ? undefined : byDigest.get(digest)) ??
        namesakes.find((other) => other.digest === undefined || digest === undefined);
      if (draft === undefined) {
        draft = { digest, sources: [] };
        drafts.push(draft);
      }
      draft.digest ??= digest;
      if (draft.digest !== undefined) byDigest.set(draft.digest, draft);
      if (!namesakes.includes(draft)) byName.set(nameKey, [...namesakes, draft]);
      draft.sources.push(sourceFrom(list, model, describer.describe(model, list.backendType)));
    }
  }
  const ids = new Set<string>();
  return drafts
    .map((draft) => describeModel(takeId(draft, ids), draft.sources))
    .sort((a, b) => compareText(a.id, b.id));
}

/** Of a model's names the shortest is first, and becomes its id: `tiny:latest` before `tiny-copy:latest`. */
function compareNames({ name: left }: Model, { name: right }: Model): number {
  return left.length - right.length || compareText(left, right);
}

function listSeparately(
  lists: readonly EndpointModels[],
  describer: ModelDescriber,
): readonly UnifiedModel[] {
  return lists
    .flatMap((list) =>
      list.models.map((model) =>
        describeModel(`${model.name}@${list.endpointName}`, [
          sourceFrom(list, model, describer.describe(model, list.backendType)),
        ]),
      ),
    )
    .sort((a, b) => compareText(a.id, b.id));
}

const latestTag = ":latest";

/** What stands before `:latest`; the whole name where it does not end so. */
export function withoutLatest(name: string): string {
  return name.endsWith(latestTag) ? name.slice(0, -latestTag.length) : name;
}

/** The name with `:latest`; `undefined` where it has a tag. */
export function withLatest(name: string): string | undefined {
  return name.includes(":", name.lastIndexOf("/") + 1) ? undefined : name + latestTag;
}

/**
 * The same model seen through some of its sources only: names, sizes and capabilities of the others are gone.
 * @returns `undefined` when no source is left.
 */
export function narrowModel(
  model: UnifiedModel,
  keeps: (source: ModelSource) => boolean,
): UnifiedModel | undefined {
  const sources = model.sources.filter(keeps);
  if (sources.length === 0) return undefined;
  if (sources.length === model.sources.length) return model;
  const narrowed = describeModel(model.id, sources);
  return model.aliasOf === undefined ? narrowed : { ...narrowed, aliasOf: model.aliasOf };
}

/** Code unit order: the same on every machine, whatever its locale. */
export function compareText(left: string, right: string): number {
  if (left === right) return 0;
  return left < right ? -1 : 1;
}

function normaliseDigest(digest: string | undefined): string | undefined {
  return digest?.toLowerCase().replace(/^sha256:/, "");
}

/** The first of its names that no other record has for its id, else one with the end of its digest. */
function takeId({ digest, sources }: Draft, taken: Set<string>): string {
  const names = sources.map(({ nativeName }) => nativeName);
  const [first] = names;
  const short = `${first}-${digest?.slice(-8)}`;
  const free = names.find((name) => !taken.has(name));
  const id = free ?? (taken.has(short) ? `${first}-${digest}` : short);
  taken.add(id);
  return id;
}

function sourceFrom(list: EndpointModels, model: Model, traits: ModelTraits): ModelSource {
  return {
    endpointName: list.endpointName,
    nativeName: model.name,
    backendType: list.backendType,
    platform: platformOf(list.backendType, model.format),
    state: stateOf(model),
    sizeBytes: model.sizeBytes ?? 0,
    lastSeenAt: list.refreshedAt,
    model,
    traits,
  };
}

/** @param sources at least one; see `describingSources` */
export function describeModel(id: string, sources: readonly ModelSource[]): UnifiedModel {
  const describing = describingSources({ sources });
  const models = describing.map((source) => source.model);
  const traits = describing.map((source) => source.traits);
  const family = traits.find((found) => found.family !== "");
  const size = traits.find((found) => found.size.label !== "")?.size;
  const maxContextLength = firstDefined(models, (model) => model.maxContextLength);
  const guessedContextLength =
    maxContextLength === undefined ? firstDefined(traits, (found) => found.guessedContextLength) : undefined;
  // Some source's word before any guess.
  const type = firstDefined(models, (model) => model.type) ?? firstDefined(traits, (found) => found.type);
  return {
    id,
    family: family?.family ?? "",
    variant: family?.variant ?? "",
    ...(type === undefined ? {} : { type }),
    parameterSize: size?.label ?? "",
    parameterCount: size?.count ?? 0,
    quantization: traits.find((found) => found.quantization !== "")?.quantization ?? "",
    format: firstDefined(models, (model) => model.format) ?? "",
    publisher: traits.find((found) => found.publisher !== "")?.publisher ?? "",
    ...(maxContextLength === undefined ? {} : { maxContextLength }),
    ...(guessedContextLength === undefined ? {} : { guessedContextLength }),
    aliases: aliasesOf(sources),
    sources,
    capabilities: allCapabilities(traits),
    totalSizeBytes: sumFileSizes(describing),
    lastSeenAt: sources.reduce((latest, source) => Math.max(latest, source.lastSeenAt), 0),
  };
}

function firstDefined<Item, Value>(
  items: readonly Item[],
  read: (item: Item) => Value | undefined,
): Value | undefined {
  for (const item of items) {
    const value = read(item);
    if (value !== undefined) return value;
  }
  return undefined;
}

function allCapabilities(traits: readonly ModelTraits[]): readonly string[] {
  const [first, ...others] = traits;
  if (first !== undefined && others.length === 0) return first.capabilities;
  return [...new Set(traits.flatMap((found) => found.capabilities))].sort();
}

function aliasesOf(sources: readonly ModelSource[]): readonly ModelAlias[] {
  const [only, ...others] = sources;
  if (only !== undefined && others.every((other) => isSameAlias(other, only))) {
    return [{ name: only.nativeName, source: only.platform }];
  }
  const aliases = new Map<string, ModelAlias>();
  for (const { nativeName, platform } of sources) {
    const key = JSON.stringify([nativeName, platform]);
    if (!aliases.has(key)) aliases.set(key, { name: nativeName, source: platform });
  }
  return [...aliases.values()];
}

function isSameAlias(one: ModelSource, other: ModelSource): boolean {
  return one.nativeName === other.nativeName && one.platform === other.platform;
}

function sumFileSizes(sources: readonly ModelSource[]): number {
  const sizes = new Map<string, number>();
  for (const source of sources) sizes.set(source.endpointName, source.sizeBytes);
  let total = 0;
  for (const size of sizes.values()) total += size;
  return total;
}
