/** A model that an endpoint has in memory, or is loading. Only `name` is certain. */
export interface LoadedModel {
  /** As the endpoint spells it. */
  readonly name: string;
  /** Further names that the endpoint knows it by. */
  readonly otherNames?: readonly string[];
  readonly sizeBytes?: number;
  /** The part of `sizeBytes` on graphics cards; 0 where none is. */
  readonly sizeVramBytes?: number;
  readonly digest?: string;
  /** When the endpoint will unload it unless it is asked again, in the endpoint's own words (RFC 3339). */
  readonly expiresAt?: string;
  /** Tokens: what it was loaded with, which may be less than it could take. */
  readonly contextLength?: number;
}

const latestTag = ":latest";

/**
 * What names are compared by: capitals do not count, and a name without a tag means `:latest`. Gives back the very
 * same text where there is nothing to fold.
 */
export function foldModelName(name: string): string {
  const folded = name.toLowerCase();
  return folded.endsWith(latestTag) ? folded.slice(0, -latestTag.length) : folded;
}
