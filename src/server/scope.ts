import type { Profile, ProfileListing } from "../profiles/profile.ts";
import type { ProfileSet } from "../profiles/profile-set.ts";

/** Where `/olla/<prefix>/…` leads. */
export interface Scope {
  /** As its routes are registered. */
  readonly prefix: string;
  readonly profile: Profile | "all";
  /** Paths behind the prefix that Olla answers itself. */
  readonly ownPaths: ReadonlySet<string>;
  /** Lists that Olla answers itself and whose models have a path each, `<list>/<id>`. */
  readonly modelLists: readonly ProfileListing[];
}

/** A path split at the end of `/olla/<prefix>`. */
export interface ScopedPath {
  readonly scope: Scope;
  /** Starts with exactly one `/`; the rest is as received. */
  readonly upstreamPath: string;
}

/** The route to every endpoint. */
export const proxyPrefix = "proxy";
export const proxyListing: ProfileListing = { path: "/v1/models", format: "openai" };
const base = "/olla/";

/** First segments below `/olla/` that are no provider's, whatever a profile says. */
const reservedPrefixes: ReadonlySet<string> = new Set([proxyPrefix, "models", "anthropic"]);

/** All scopes, built once. A prefix is found in any case, with `_` for `-`, and percent-encoded. */
export class Scopes {
  readonly #profiles: ProfileSet;
  readonly #byPrefix = new Map<string, Scope>();

  constructor(profiles: ProfileSet) {
    this.#profiles = profiles;
    this.#add({
      prefix: proxyPrefix,
      profile: "all",
      ownPaths: new Set([proxyListing.path]),
      modelLists: [proxyListing],
    });
    for (const prefix of profiles.prefixes()) {
      const profile = profiles.byPrefix(prefix);
      if (profile === undefined || reservedPrefixes.has(prefix)) continue;
      const own = [...profile.listings, ...profile.unsupportedPaths].map(({ path }) => path);
      const modelLists = profile.listings.filter(({ path }) => path.endsWith("/models"));
      this.#add({ prefix, profile, ownPaths: new Set(own), modelLists });
    }
  }

  #add(scope: Scope): void {
    this.#byPrefix.set(scope.prefix, scope);
  }

  /** In the order of the profiles, the route to all endpoints first. */
  all(): readonly Scope[] {
    return [...this.#byPrefix.values()];
  }

  find(segment: string): Scope | undefined {
    return this.#byPrefix.get(segment) ?? this.#findSpelledOtherwise(segment);
  }

  /** Undefined for every path that is not below a known `/olla/<prefix>/`. */
  split(path: string): ScopedPath | undefined {
    if (!path.startsWith(base)) return undefined;
    const segmentEnd = path.indexOf("/", base.length);
    if (segmentEnd < 0) return undefined;
    const scope = this.find(path.slice(base.length, segmentEnd));
    if (scope === undefined) return undefined;
    return { scope, upstreamPath: collapseLeadingSlashes(path.slice(segmentEnd)) };
  }

  #findSpelledOtherwise(segment: string): Scope | undefined {
    const wanted = decodeSegment(segment).toLowerCase();
    if (wanted === proxyPrefix) return this.#byPrefix.get(proxyPrefix);
    if (reservedPrefixes.has(wanted)) return undefined;
    const profile = this.#profiles.byPrefix(wanted);
    return profile === undefined ? undefined : this.all().find((scope) => scope.profile === profile);
  }
}

/** Whether Olla answers itself. Whoever reads one model of a list of ours asks for what we said about it. */
export function isOwnPath({ scope, upstreamPath }: ScopedPath, method: string): boolean {
  if (scope.ownPaths.has(upstreamPath)) return true;
  if (method !== "GET" && method !== "HEAD") return false;
  return scope.modelLists.some(({ path }) => upstreamPath.startsWith(`${path}/`));
}

/** `base_url` with a slash at its end is a common slip, and `//host` would be another host to a URL parser. */
function collapseLeadingSlashes(path: string): string {
  return path.startsWith("//") ? path.replace(/^\/+/, "/") : path;
}

/** Undecodable text stays as it is: it matches nothing then. */
export function decodeSegment(segment: string): string {
  if (!segment.includes("%")) return segment;
  try {
    return decodeURIComponent(segment);
  } catch (error) {
    if (error instanceof URIError) return segment;
    throw error;
  }
}
