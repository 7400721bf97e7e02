import { isDeepStrictEqual } from "node:util";
import { builtinNaming } from "../config/builtin-naming.ts";
import type { NamingTable } from "../config/naming-table.ts";
import type { Clock } from "../lib/clock.ts";
import { nearestNames } from "../lib/nearest.ts";
import type { ProfileSet } from "../profiles/profile-set.ts";
import { ListIndex } from "./list-index.ts";
import type { Model } from "./model.ts";
import { ModelDescriber, type ModelTraits } from "./model-attributes.ts";
import { type ModelPlace, PlaceIndex } from "./place-index.ts";
import type { UnifiedModel } from "./unified-model.ts";
import { type EndpointModels, type UnifyRules, unifyModels } from "./unify.ts";

export interface ModelCatalogOptions {
  readonly clock: Clock;
  /** Milliseconds after which the models of an endpoint that was not refreshed are dropped. */
  readonly staleAfterMs: number;
  /** Milliseconds between two looks for such endpoints. */
  readonly cleanupIntervalMs: number;
  /** By which names are read; the built-in table where none is given. */
  readonly naming?: NamingTable;
  /** Whose patterns say what neither lists nor the table do. */
  readonly profiles?: Pick<ProfileSet, "byName">;
  /** Merges what is the same and keeps `name` and `name:latest` apart where none are given. */
  readonly rules?: UnifyRules;
}

interface Entry extends EndpointModels {
  readonly index: ListIndex;
  /** On the clock's monotonic scale. */
  readonly refreshedMonotonic: number;
}

const defaultRules: UnifyRules = { isMerging: true, isUntaggedLatest: false };
const longestSliceMs = 8;

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

/**
 * Which endpoint serves which model. Written by discovery, read by every request: a change replaces the whole index,
 * a request does one look-up. Knows nothing of health: an endpoint that is down keeps its models, so that a request
 * for one of them can be told "not available now" instead of "no such model".
 */
export class ModelCatalog {
  readonly #clock: Clock;
  #staleAfterMs: number;
  #cleanupIntervalMs: number;
  #describer: ModelDescriber;
  #rules: UnifyRules;
  readonly #entries = new Map<string, Entry>();
  #index = new PlaceIndex([]);
  #unified: readonly UnifiedModel[] | undefined;
  #cancelTimer: (() => void) | undefined;

  constructor(options: ModelCatalogOptions) {
    this.#clock = options.clock;
    this.#staleAfterMs = options.staleAfterMs;
    this.#cleanupIntervalMs = options.cleanupIntervalMs;
    this.#rules = options.rules ?? defaultRules;
    this.#describer = new ModelDescriber({ ...options, naming: options.naming ?? builtinNaming() });
  }

  /** Other settings from now on; the models that are known are looked at in their light. */
  configure(options: Omit<ModelCatalogOptions, "clock">): void {
    const isRunning = this.#cancelTimer !== undefined;
    this.stop();
    this.#staleAfterMs = options.staleAfterMs;
    this.#cleanupIntervalMs = options.cleanupIntervalMs;
    this.#rules = options.rules ?? defaultRules;
    this.#describer = new ModelDescriber({ ...options, naming: options.naming ?? builtinNaming() });
    const indexes = new Map<readonly Model[], ListIndex>();
    for (const [name, entry] of this.#entries) {
      const index = indexes.get(entry.models) ?? this.#indexOf(entry.models);
      indexes.set(entry.models, index);
      this.#entries.set(name, { ...entry, index });
    }
    this.#rebuild();
    if (isRunning) this.start();
  }

  /** Begins to drop what is stale. Calling it twice is harmless. */
  start(): void {
    this.#cancelTimer ??= this.#clock.after(this.#cleanupIntervalMs, () => {
      this.#cancelTimer = undefined;
      this.dropStale();
      this.start();
    });
  }

  stop(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }

  /**
   * Reads what the names of a long list give away, a few milliseconds at a time, so that neither `replaceModels` nor the
   * first look at the merged list holds up requests. Call it before `replaceModels` with the same models.
   */
  async describeAhead(backendType: string, models: readonly Model[]): Promise<void> {
    let sliceBegan = this.#clock.now();
    for (const model of models) {
      this.#describer.describe(model, backendType);
      if (this.#clock.now() - sliceBegan < longestSliceMs) continue;
      await nextTurn();
      sliceBegan = this.#clock.now();
    }
  }

  /**
   * The very list that an endpoint of this kind has given before, where these are the same models; else `models` itself.
   * Fleets are made of machines that are alike: what one of them has is kept once for all.
   */
  sharedList(backendType: string, models: readonly Model[]): readonly Model[] {
    return this.#twinOf(backendType, models)?.models ?? models;
  }

  /** The endpoint's list as it is now; an empty list is a list. `backendType` is the endpoint's profile name. */
  replaceModels(endpointName: string, backendType: string, models: readonly Model[]): void {
    const refreshed = {
      endpointName,
      backendType,
      refreshedAt: this.#clock.wallTime(),
      refreshedMonotonic: this.#clock.now(),
    };
    const known = this.#entries.get(endpointName);
    if (known?.backendType === backendType && isDeepStrictEqual(known.models, models)) {
      // Nearly every list is the one before, and then nothing that requests are routed by has changed.
      this.#entries.set(endpointName, { ...known, ...refreshed });
      this.#unified = undefined;
      return;
    }
    const list = this.#twinOf(backendType, models) ?? { models, index: this.#indexOf(models) };
    this.#entries.set(endpointName, { ...refreshed, models: list.models, index: list.index });
    this.#rebuild();
  }

  /** One model less at one endpoint, until its next list. `nativeName` is spelled as there. */
  removeModel(endpointName: string, nativeName: string): void {
    const entry = this.#entries.get(endpointName);
    if (entry?.index.named(nativeName) === undefined) return;
    const models = entry.models.filter(({ name }) => name !== nativeName);
    this.#entries.set(endpointName, { ...entry, models, index: this.#indexOf(models) });
    this.#rebuild();
  }

  /** For an endpoint that is gone from the configuration. */
  forget(endpointName: string): void {
    if (this.#entries.delete(endpointName)) this.#rebuild();
  }

  /** Forgets endpoints that were not refreshed for `staleAfterMs`. The timer calls it. */
  dropStale(): void {
    const oldest = this.#clock.now() - this.#staleAfterMs;
    const stale = [...this.#entries.values()].filter((entry) => entry.refreshedMonotonic < oldest);
    for (const { endpointName } of stale) this.#entries.delete(endpointName);
    if (stale.length > 0) this.#rebuild();
  }

  /**
   * Every endpoint that has the model, once, sorted by name, whatever its health. At each endpoint the exact
   * spelling wins, then one that differs by case, then `<name>:latest`, and by `isUntaggedLatest` the name without it.
   */
  placesOf(name: string): readonly ModelPlace[] {
    return this.#index.placesOf(name);
  }

  /** Another object whenever anything that a request is routed by may have changed. */
  get edition(): object {
    return this.#index;
  }

  has(name: string): boolean {
    return this.placesOf(name).length > 0;
  }

  /** Listed names that someone who asked for `name` may have meant, best first. */
  nearest(name: string, limit: number): readonly string[] {
    if (name.includes(":")) return nearestNames(name, this.#index.names(), limit);
    // Someone who leaves the tag out has not mistyped it.
    const byBase = Map.groupBy(this.#index.names(), (listed) => listed.split(":", 1)[0] ?? listed);
    return nearestNames(name, byBase.keys(), limit)
      .flatMap((base) => byBase.get(base) ?? [])
      .slice(0, limit);
  }

  modelsAt(endpointName: string): readonly Model[] {
    return this.#entries.get(endpointName)?.models ?? [];
  }

  /** What is known of a model at one endpoint, by the name that it has there (`ModelPlace.model.name`). Cheap. */
  traitsAt(endpointName: string, nativeName: string): ModelTraits | undefined {
    const entry = this.#entries.get(endpointName);
    const model = entry?.index.named(nativeName);
    return entry && model && this.#describer.describe(model, entry.backendType);
  }

  /** Milliseconds since the epoch of the endpoint's last list; `undefined` when it never gave one. */
  lastUpdatedAt(endpointName: string): number | undefined {
    return this.#entries.get(endpointName)?.refreshedAt;
  }

  /** Every name as listed, each once, sorted. */
  names(): readonly string[] {
    return this.#index.names();
  }

  /** All models, merged across endpoints, sorted by id; the same array until something changes. */
  unified(): readonly UnifiedModel[] {
    this.#unified ??= unifyModels([...this.#entries.values()], this.#describer, this.#rules);
    return this.#unified;
  }

  #twinOf(backendType: string, models: readonly Model[]): Entry | undefined {
    const [first] = models;
    const seen = new Set<readonly Model[]>();
    for (const entry of this.#entries.values()) {
      const isLikely = entry.models.length === models.length && entry.models[0]?.name === first?.name;
      if (!isLikely || entry.backendType !== backendType || seen.has(entry.models)) continue;
      if (isDeepStrictEqual(entry.models, models)) return entry;
      seen.add(entry.models);
    }
    return undefined;
  }

  #indexOf(models: readonly Model[]): ListIndex {
    return new ListIndex(models, this.#rules.isUntaggedLatest);
  }

  #rebuild(): void {
    this.#index = new PlaceIndex([...this.#entries.values()]);
    // Merged on the first look: most changes come in bursts, and no request waits for it.
    this.#unified = undefined;
  }
}
