import { backendTypesOf } from "../models/listings/select-models.ts";
import type { FleetAnswerPath, Profile, ProfileListing } from "../profiles/profile.ts";
import type { ProfileSet } from "../profiles/profile-set.ts";
import type { Dialect } from "../translate/dialect.ts";
import { decodeSegment } from "./decode-segment.ts";
import { createManagementTest } from "./management-paths.ts";

/** Where `/olla/<prefix>/…` leads. */
export interface Scope {
  /** As its routes are registered. */
  readonly prefix: string;
  readonly profile: Profile | "all";
  /** Whether its requests may be sent to endpoints of that kind. */
  readonly reaches: (profile: Profile) => boolean;
  /** Lists of models that Olla answers itself. */
  readonly listings: readonly ProfileListing[];
  /** Paths behind the prefix that Olla answers itself. */
  readonly ownPaths: ReadonlySet<string>;
  /** What of `ownPaths` is answered after asking the endpoints. */
  readonly answers: readonly FleetAnswerPath[];
  /** Whether such a request changes what an endpoint has, so that it may only go to a named one. */
  readonly isManagement: (upstreamPath: string) => boolean;
  /** Lists that Olla answers itself and whose models have a path each, `<list>/<id>`. */
  readonly modelLists: readonly ProfileListing[];
  /** Nothing leaves the endpoints of the tier `local` here. */
  readonly isLocalOnly?: boolean;
  /** The only paths that are sent on, and only by POST; undefined: all that Olla does not answer itself. */
  readonly sentOn?: ReadonlySet<string>;
  /** How every error of this route is written; undefined: as its path says. */
  readonly dialect?: Dialect;
}

/** Which routes there are besides those of the profiles. */
export interface ScopeOptions {
  /** `/olla/anthropic/…`. */
  readonly hasAnthropic: boolean;
  /** `/v1/…` and `/api/…` without anything before them. */
  readonly hasBare: boolean;
}

/** A path split at the end of `/olla/<prefix>`. */
export interface ScopedPath {
  readonly scope: Scope;
  /** Starts with exactly one `/`; the rest is as received. */
  readonly upstreamPath: string;
}

/** The route to every endpoint. */
export const proxyPrefix = "proxy";
/** The same, without endpoints of the tier `cloud`. */
const localPrefix = "local";
const proxyListings: readonly ProfileListing[] = [
  { path: "/v1/models", format: "openai" },
  { path: "/api/tags", format: "ollama" },
];
/** Whatever goes to `/` of all endpoints together is not for Olla to guess. */
const proxyAnswers: readonly FleetAnswerPath[] = [
  { path: "/api/ps", answer: "ollama-ps" },
  { path: "/api/version", answer: "ollama-version" },
];
/** Endpoints answer other methods here. */
const frontPage = "/";
const base = "/olla/";

/** The route of the Messages API, to every endpoint. */
export const anthropicPrefix = "anthropic";
/** Where clients of OpenAI's API go without a prefix. */
const openaiPrefix = "openai";
export const messagesPath = "/v1/messages";
export const countTokensPath = "/v1/messages/count_tokens";
/** Claude Code warms its connection up with it. */
export const helloPath = "/api/hello";
const bareOpenai = "/v1/";
const bareOllama = "/api/";

/** First segments below `/olla/` that are no provider's, whatever a profile says. */
const reservedPrefixes: ReadonlySet<string> = new Set([proxyPrefix, localPrefix, "models", anthropicPrefix]);

const anthropicScope: Scope = {
  prefix: anthropicPrefix,
  profile: "all",
  reaches: () => true,
  listings: [],
  ownPaths: new Set(),
  answers: [],
  isManagement: () => false,
  modelLists: [],
  sentOn: new Set([messagesPath, countTokensPath]),
  dialect: "anthropic",
};

/** The prefix that a path without one stands for: undefined where there is no such API. */
export function barePrefix(path: string): string | undefined {
  if (path === messagesPath || path.startsWith(`${messagesPath}/`) || path === helloPath) {
    return anthropicPrefix;
  }
  if (path.startsWith(bareOpenai)) return openaiPrefix;
  return path.startsWith(bareOllama) ? proxyPrefix : undefined;
}

/** All scopes, built once. A prefix is found in any case, with `_` for `-`, and percent-encoded. */
export class Scopes {
  readonly #profiles: ProfileSet;
  readonly #byPrefix = new Map<string, Scope>();
  readonly #hasBare: boolean;

  constructor(profiles: ProfileSet, { hasAnthropic, hasBare }: ScopeOptions) {
    this.#profiles = profiles;
    this.#hasBare = hasBare;
    const proxyScope: Scope = {
      prefix: proxyPrefix,
      profile: "all",
      reaches: () => true,
      listings: proxyListings,
      ownPaths: new Set([...proxyListings, ...proxyAnswers].map(({ path }) => path)),
      answers: proxyAnswers,
      isManagement: createManagementTest(profiles.all),
      modelLists: proxyListings.filter(isModelList),
    };
    this.#add(proxyScope);
    this.#add({ ...proxyScope, prefix: localPrefix, isLocalOnly: true });
    for (const prefix of profiles.prefixes()) {
      const profile = profiles.byPrefix(prefix);
      if (profile === undefined || reservedPrefixes.has(prefix)) continue;
      const answers = profile.fleetAnswers;
      const own = [...profile.listings, ...profile.unsupportedPaths, ...answers].map(({ path }) => path);
      const names = backendTypesOf(profile, profiles.all);
      const reaches = (other: Profile) => names.has(other.name);
      this.#add({
        prefix,
        profile,
        reaches,
        listings: profile.listings,
        ownPaths: new Set(own),
        answers,
        isManagement: createManagementTest(profiles.all.filter(reaches)),
        modelLists: profile.listings.filter(isModelList),
      });
    }
    if (hasAnthropic) this.#add(anthropicScope);
  }

  #add(scope: Scope): void {
    this.#byPrefix.set(scope.prefix, scope);
  }

  /** In the order of the profiles, the route to all endpoints first. */
  all(): readonly Scope[] {
    return [...this.#byPrefix.values()];
  }

  /** Beginnings of the paths that lead to endpoints without `/olla/…` in front. */
  barePrefixes(): readonly string[] {
    return this.#hasBare ? [bareOpenai, bareOllama] : [];
  }

  find(segment: string): Scope | undefined {
    return this.#byPrefix.get(segment) ?? this.#findSpelledOtherwise(segment);
  }

  /** Undefined for every path that is not below a known `/olla/<prefix>/`, nor where clients look without one. */
  split(path: string): ScopedPath | undefined {
    if (!path.startsWith(base)) return this.#splitBare(path);
    const segmentEnd = path.indexOf("/", base.length);
    if (segmentEnd < 0) return undefined;
    const scope = this.find(path.slice(base.length, segmentEnd));
    if (scope === undefined) return undefined;
    return { scope, upstreamPath: collapseLeadingSlashes(path.slice(segmentEnd)) };
  }

  #splitBare(path: string): ScopedPath | undefined {
    if (!this.#hasBare) return undefined;
    const prefix = barePrefix(path);
    if (prefix === undefined) return undefined;
    // While the Messages API is off its paths are like any others.
    const api = path.startsWith(bareOpenai) ? openaiPrefix : proxyPrefix;
    const scope = this.#byPrefix.get(prefix) ?? this.#byPrefix.get(api) ?? this.#byPrefix.get(proxyPrefix);
    return scope === undefined ? undefined : { scope, upstreamPath: path };
  }

  #findSpelledOtherwise(segment: string): Scope | undefined {
    const wanted = decodeSegment(segment).toLowerCase();
    if (reservedPrefixes.has(wanted)) return this.#byPrefix.get(wanted);
    const profile = this.#profiles.byPrefix(wanted);
    return profile === undefined ? undefined : this.all().find((scope) => scope.profile === profile);
  }
}

/** Whether Olla answers itself. Whoever reads one model of a list of ours asks for what we said about it. */
export function isOwnPath({ scope, upstreamPath }: ScopedPath, method: string): boolean {
  if (scope.sentOn !== undefined) return method !== "POST" || !scope.sentOn.has(upstreamPath);
  const isRead = method === "GET" || method === "HEAD";
  if (scope.ownPaths.has(upstreamPath)) return isRead || upstreamPath !== frontPage;
  if (!isRead) return false;
  return scope.modelLists.some(({ path }) => upstreamPath.startsWith(`${path}/`));
}

/** Of which each model has a path of its own. */
function isModelList({ path }: ProfileListing): boolean {
  return path.endsWith("/models");
}

/** `base_url` with a slash at its end is a common slip, and `//host` would be another host to a URL parser. */
function collapseLeadingSlashes(path: string): string {
  return path.startsWith("//") ? path.replace(/^\/+/, "/") : path;
}
