import type { Profile } from "./profile.ts";

/** The kind that stands in while an endpoint's own is not known. */
export const fallbackProfileName = "openai-compatible";

/** Every known kind of backend, in load order. Immutable. */
export class ProfileSet {
  readonly all: readonly Profile[];
  readonly #byName: ReadonlyMap<string, Profile>;
  readonly #byPrefix: ReadonlyMap<string, Profile>;
  readonly #bySpelling: ReadonlyMap<string, Profile>;
  readonly #leftOut: readonly Profile[];

  /**
   * `profiles` have unique names; where two claim one prefix the earlier keeps it.
   * @param leftOut what `proxy.profile_filter` keeps away, for messages
   */
  constructor(profiles: readonly Profile[], leftOut: readonly Profile[] = []) {
    this.all = profiles;
    this.#leftOut = leftOut;
    this.#byName = new Map(profiles.map((profile) => [profile.name, profile]));
    this.#byPrefix = firstOf(profiles, (profile) => profile.prefixes);
    this.#bySpelling = new Map([
      // Later entries of a Map win, so the strongest claim comes last.
      ...this.#byPrefix,
      ...firstOf(profiles, (profile) => profile.aliases),
      ...firstOf(profiles, (profile) => [profile.name]),
    ]);
  }

  /** By canonical name, exactly. */
  byName(name: string): Profile | undefined {
    return this.#byName.get(name);
  }

  /** By what a user wrote as `type`: a name, alias or prefix, in any case and with `_` or `-`. */
  byType(spelling: string): Profile | undefined {
    return this.#bySpelling.get(normalise(spelling));
  }

  /** Whether `type` would be known without `proxy.profile_filter`. */
  isLeftOut(spelling: string): boolean {
    return new ProfileSet(this.#leftOut).byType(spelling) !== undefined;
  }

  /** By the path segment after `/olla/`. */
  byPrefix(segment: string): Profile | undefined {
    return this.#byPrefix.get(normalise(segment));
  }

  /** Every prefix with a route, as written in its profile, without repetition. */
  prefixes(): string[] {
    const owned = this.all.flatMap((profile) =>
      profile.prefixes.filter((prefix) => this.byPrefix(prefix) === profile),
    );
    return [...new Set(owned)];
  }

  /** Canonical names, sorted, for messages. */
  names(): string[] {
    return [...this.#byName.keys()].sort();
  }

  /** Prefixes that more than one profile wants: `[prefix, owner, loser]`. */
  contestedPrefixes(): { prefix: string; owner: string; loser: string }[] {
    return this.all.flatMap((profile) =>
      profile.prefixes.flatMap((prefix) => {
        const owner = this.byPrefix(prefix);
        if (owner === undefined || owner === profile) return [];
        return [{ prefix, owner: owner.name, loser: profile.name }];
      }),
    );
  }
}

function firstOf(
  profiles: readonly Profile[],
  spellings: (profile: Profile) => readonly string[],
): Map<string, Profile> {
  const owners = new Map<string, Profile>();
  for (const profile of profiles) {
    for (const spelling of spellings(profile)) {
      const key = normalise(spelling);
      if (!owners.has(key)) owners.set(key, profile);
    }
  }
  return owners;
}

function normalise(spelling: string): string {
  return spelling.trim().toLowerCase().replaceAll("_", "-");
}
