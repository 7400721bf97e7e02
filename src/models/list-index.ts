import type { Model } from "./model.ts";
import { withLatest, withoutLatest } from "./unify.ts";

/** Finds the models of one endpoint by name. Built with its list, so that a new list costs nothing for all other endpoints. */
export class ListIndex {
  readonly #exact = new Map<string, Model>();
  /** By lower-case name, and by lower-case name with the tag added or taken away, where `#exact` would not find it. */
  readonly #folded = new Map<string, Model>();

  constructor(models: readonly Model[], isUntaggedLatest: boolean) {
    for (const model of models) {
      const { name } = model;
      const key = name.toLowerCase();
      // Of several that differ only by case the first one listed is found by every other spelling.
      if (key !== name && !this.#folded.has(key)) this.#folded.set(key, this.#exact.get(key) ?? model);
      if (!this.#exact.has(name)) this.#exact.set(name, model);
    }
    // After everything else: a model that is really called so comes before one that needs its tag added or taken away.
    for (const model of models) {
      const key = model.name.toLowerCase();
      this.#addOtherTag(withoutLatest(key), model);
      if (isUntaggedLatest) this.#addOtherTag(withLatest(key), model);
    }
  }

  /** In this very spelling. */
  named(name: string): Model | undefined {
    return this.#exact.get(name);
  }

  /** See `ModelCatalog.placesOf`. @param key `name` in lower case */
  find(name: string, key: string): Model | undefined {
    return this.#exact.get(name) ?? this.#folded.get(key) ?? this.#exact.get(key);
  }

  #addOtherTag(key: string | undefined, model: Model): void {
    if (key === undefined || this.#exact.has(key) || this.#folded.has(key)) return;
    this.#folded.set(key, model);
  }
}
