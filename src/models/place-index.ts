import type { Model } from "./model.ts";
import { compareText, withLatest, withoutLatest } from "./unify.ts";

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
}

const nowhere: readonly ModelPlace[] = Object.freeze([]);

/** Finds the places of a name. Built whenever a list changes, and cheap for lists of any length: it holds up requests. */
export class PlaceIndex {
  readonly #lists: readonly ListOfEndpoint[];
  /** By lower-case name, and by lower-case name with the tag added or taken away. Sorted by endpoint, each once. */
  readonly #folded = new Map<string, ModelPlace[]>();
  /** Only for spellings beside which an endpoint lists another one first. */
  readonly #exact = new Map<string, readonly ModelPlace[]>();
  #names: readonly string[] | undefined;

  constructor(lists: readonly ListOfEndpoint[], isUntaggedLatest: boolean) {
    this.#lists = lists.toSorted((left, right) => compareText(left.endpointName, right.endpointName));
    const byOtherTag: { readonly key: string; readonly place: ModelPlace }[] = [];
    const second: ModelPlace[] = [];
    for (const { endpointName, models } of this.#lists) {
      for (const model of models) {
        const place: ModelPlace = { endpointName, model };
        const key = model.name.toLowerCase();
        if (!this.#addLast(key, place)) second.push(place);
        const untagged = withoutLatest(key);
        if (untagged !== key) byOtherTag.push({ key: untagged, place });
        const tagged = isUntaggedLatest ? withLatest(key) : undefined;
        if (tagged !== undefined) byOtherTag.push({ key: tagged, place });
      }
    }
    // After everything else: a model that is really called so comes before one that needs its tag added or taken away.
    for (const { key, place } of byOtherTag) this.#addAnywhere(key, place);
    for (const place of second) this.#prefer(place);
  }

  /** See `ModelCatalog.placesOf`. */
  placesOf(name: string): readonly ModelPlace[] {
    return this.#exact.get(name) ?? this.#folded.get(name.toLowerCase()) ?? nowhere;
  }

  /** Every name as listed, each once, sorted. */
  names(): readonly string[] {
    this.#names ??= [...new Set(this.#lists.flatMap(({ models }) => models.map(({ name }) => name)))].sort(
      compareText,
    );
    return this.#names;
  }

  /** @returns false where the endpoint is there already. Endpoints come in order, so only the last can be that. */
  #addLast(key: string, place: ModelPlace): boolean {
    const places = this.#folded.get(key);
    if (places === undefined) this.#folded.set(key, [place]);
    else if (places.at(-1)?.endpointName === place.endpointName) return false;
    else places.push(place);
    return true;
  }

  #addAnywhere(key: string, place: ModelPlace): void {
    const places = this.#folded.get(key);
    if (places === undefined) {
      this.#folded.set(key, [place]);
      return;
    }
    if (places.some(({ endpointName }) => endpointName === place.endpointName)) return;
    places.push(place);
    places.sort((left, right) => compareText(left.endpointName, right.endpointName));
  }

  /** Who asks for this very spelling gets it at its endpoint. */
  #prefer(place: ModelPlace): void {
    const { name } = place.model;
    const places = this.placesOf(name);
    this.#exact.set(
      name,
      places.map((other) => (other.endpointName === place.endpointName ? place : other)),
    );
  }
}
