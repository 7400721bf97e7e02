/** What model names and the words of backends mean: the content of `models.yaml`, ready to be used. */
export interface NamingTable {
  /** Tried in order on the lower-case name; the first that matches wins. */
  readonly familyPatterns: readonly FamilyPattern[];
  /** A backend's word for an architecture, lower-case, to the family. */
  readonly architectureFamilies: ReadonlyMap<string, string>;
  /** Another word for a family, lower-case, to the family. */
  readonly familyAliases: ReadonlyMap<string, string>;
  /** The beginning of a family's name, lower-case, to who makes it. */
  readonly publishers: ReadonlyMap<string, string>;
  /** A backend's label in capitals to our short form. */
  readonly quantizations: ReadonlyMap<string, string>;
  /** By the lower-case type that a backend reports. */
  readonly typeCapabilities: ReadonlyMap<string, readonly string[]>;
  /** Every row whose pattern is found anywhere in the name counts. */
  readonly namePatterns: readonly CapabilityPattern[];
  readonly contextThresholds: ContextThresholds;
  /** Lower-case names of families that are kept whole, whatever else matches. */
  readonly preservedFamilies: readonly string[];
  /** Lower-case names that say nothing about a model. */
  readonly genericNames: ReadonlySet<string>;
}

export interface FamilyPattern {
  /** With the flags `d` and `i`. */
  readonly pattern: RegExp;
  readonly familyGroup: number;
  /** 0 for none. */
  readonly variantGroup: number;
}

export interface CapabilityPattern {
  readonly pattern: RegExp;
  readonly capabilities: readonly string[];
}

/** Tokens from which a context counts as such. */
export interface ContextThresholds {
  readonly extended: number;
  readonly long: number;
  readonly ultraLong: number;
}
