import { otherLabel } from "./label-counter.ts";

/**
 * How the endpoint's list spells a model; undefined for one that nobody lists. Asked for names that are not counted yet.
 */
export type SpellModel = (endpoint: string, model: string) => string | undefined;

const maxModels = 1_000;
const maxNameLength = 256;
/** Of requests that name no model. */
export const noModel = "none";

/** Which names have series: those that somebody lists or that an endpoint has answered to, and no more than 1,000. */
export class ModelNames {
  readonly #spell: SpellModel;
  readonly #known = new Set<string>();

  constructor(spell: SpellModel) {
    this.#spell = spell;
  }

  /**
   * The name under which an attempt counts.
   * @param isReal the endpoint has answered to it, so that there is such a model
   */
  admit(endpoint: string, model: string | undefined, isReal: boolean): string {
    if (model === undefined) return noModel;
    if (this.#known.has(model)) return model;
    const name = this.#spell(endpoint, model) ?? (isReal ? model : undefined);
    if (name === undefined || name.length > maxNameLength) return otherLabel;
    if (this.#known.has(name)) return name;
    if (this.#known.size >= maxModels) return otherLabel;
    this.#known.add(name);
    return name;
  }

  /** The name under which something counts that has led to no attempt: clients may ask for any. */
  known(model: string): string {
    return this.#known.has(model) ? model : otherLabel;
  }

  retain(names: ReadonlySet<string>): void {
    for (const name of this.#known) if (!names.has(name)) this.#known.delete(name);
  }
}
