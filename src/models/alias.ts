/** One model that an alias may stand for. */
export interface AliasTarget {
  /** As configured; matched like a client's name, in any case. */
  readonly model: string;
  /** Undefined: any endpoint that has the model. */
  readonly endpointName: string | undefined;
  /**
   * Its share of the traffic in a `weighted` step. Targets that hold the same record are one model under several
   * names: they have the share together, and an endpoint is asked for the first of them that it has.
   */
  readonly share: { readonly weight: number };
  /** Members for the body where the client did not set them. */
  readonly params: Readonly<Record<string, unknown>>;
}

/** Targets of equal standing. */
export interface AliasStep {
  /**
   * `first-listed`: an endpoint is asked for the first of the targets that it has, and all such endpoints share the
   * traffic. `weighted`: the targets share the traffic by weight; an endpoint may have several of them.
   */
  readonly kind: "first-listed" | "weighted";
  /** At least one. */
  readonly targets: readonly AliasTarget[];
}

/** A name of the operator's own. A later step is used while no place is free at any endpoint of the earlier ones. */
export interface Alias {
  /** As configured. */
  readonly name: string;
  /** At least one. What a target names is a model, even where an alias of that name exists. */
  readonly steps: readonly AliasStep[];
}

/** The configured aliases. Built once. */
export interface AliasTable {
  /** In any case. */
  find(name: string): Alias | undefined;
  /** In configuration order. */
  readonly all: readonly Alias[];
}

export const noAliases: AliasTable = Object.freeze({ find: () => undefined, all: Object.freeze([]) });
