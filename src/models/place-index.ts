import type { ListIndex } from "./list-index.ts";
import type { Model } from "./model.ts";
import { compareText } from "./unify.ts";

/** Where a model can be had, and how it is spelled there (`model.name`). */
export interface ModelPlace {
  readonly endpointName: string;
  readonly model: Model;
}

/** Whether a source of a unified model is one of these places. */
export function isAt(
  places: readonly ModelPlace[],
  source: Readonly<Record<"endpointName" | "nativeName", string>>,
): boolean {
  return places.some(
    ({ endpointName, model }) => endpointName === source.endpointName && model.name === source.nativeName,
  );
}

export interface ListOfEndpoint {
  readonly endpointName: string;
  readonly models: readonly Model[];
  readonly index: ListIndex;
}

/** Names come from clients, so their number and their length have to end somewhere. */
const maxKept = 10_000;
const longestKept = 512;

/**
 * Finds the places of a name at all endpoints. A new one is made whenever a list changes, which costs nothing: names are
 * looked for when they are asked for, and then remembered.
 */
export class PlaceIndex {
  readonly #lists: readonly ListOfEndpoint[];
  readonly #found = new Map<string, readonly ModelPlace[]>();
  #names: readonly string[] | undefined;

  constructor(lists: readonly ListOfEndpoint[]) {
    this.#lists = lists.toSorted((left, right) => compareText(left.endpointName, right.endpointName));
  }

  /** See `ModelCatalog.placesOf`. */
  placesOf(name: string): readonly ModelPlace[] {
    const known = this.#found.get(name);
    if (known !== undefined) return known;
    const key = name.toLowerCase();
    const places: ModelPlace[] = [];
    for (const { endpointName, index } of this.#lists) {
      const model = index.find(name, key);
      if (model !== undefined) places.push({ endpointName, model });
    }
    if (name.length > longestKept) return places;
    if (this.#found.size >= maxKept) this.#found.clear();
    this.#found.set(name, places);
    return places;
  }

  /** Every name as listed, each once, sorted. */
  names(): readonly string[] {
    if (this.#names === undefined) {
      const names = new Set<string>();
      for (const { models } of this.#lists) for (const { name } of models) names.add(name);
      this.#names = [...names].sort(compareText);
    }
    return this.#names;
  }
}
