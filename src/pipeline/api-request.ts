import type { Candidate, Candidates } from "../balancer/balancer.ts";
import { oncePerList } from "../balancer/candidate-lists.ts";
import type { Endpoint } from "../endpoints/endpoint.ts";
import type { Profile } from "../profiles/profile.ts";
import type { ClientApi, TranslatedAnswer, Translation } from "../translate/client-api.ts";
import { hasImage } from "./capability.ts";
import type { Inspection } from "./inspect.ts";
import type { NativeSupport } from "./native-support.ts";

const nothing = new Uint8Array(0);
const thinkingMark = /"thinking"\s*:\s*\{[^{}]*"type"\s*:\s*"(?:enabled|adaptive)"/;

/** A request in a client's API that not every endpoint knows, on its way to whichever endpoint is chosen. */
export class ApiRequest {
  readonly api: ClientApi;
  readonly #inspection: Inspection;
  readonly #support: NativeSupport;
  readonly #requestId: string;
  /** Whether the request needs what a kind lacks, by the name of the limitation. */
  readonly #needed = new Map<string, boolean>();
  /** Endpoints that turned out to have nothing at their native path. */
  readonly #withoutPath = new Set<string>();
  #translation: Translation | undefined;
  #isLimited: ((profile: Profile) => boolean) | undefined;

  constructor(api: ClientApi, inspection: Inspection, support: NativeSupport, requestId: string) {
    this.api = api;
    this.#inspection = inspection;
    this.#support = support;
    this.#requestId = requestId;
  }

  /** Where the endpoint answers such a request itself; undefined when it needs a translation. */
  nativePathAt({ name, profile }: Endpoint): string | undefined {
    if (this.#withoutPath.has(name) || this.#support.isMissingAt(name, this.api)) return undefined;
    return this.#nativePathOf(profile);
  }

  /** Made at its first use: a request that only goes to endpoints that know the API is never parsed. */
  translation(): Translation {
    this.#translation ??= this.api.translate({
      body: this.#inspection.body ?? nothing,
      requestId: this.#requestId,
    });
    return this.#translation;
  }

  /**
   * What Olla can say by itself when no candidate knows the API.
   * @throws OllaError `invalid_request`: better before any endpoint is asked than after
   */
  answerWithoutEndpoint(candidates: Candidates): TranslatedAnswer | undefined {
    const hasNative = this.#knowsKindsOnly
      ? kindsOf(candidates).some((kind) => this.#nativePathOf(kind) !== undefined)
      : candidates.some(({ endpoint }) => this.nativePathAt(endpoint) !== undefined);
    return hasNative ? undefined : this.translation().ownAnswer;
  }

  /** The endpoint turned out to have nothing at the path where its kind answers. */
  noteNotNative(endpointName: string): void {
    this.#withoutPath.add(endpointName);
    this.#support.noteMissing(endpointName, this.api);
  }

  /** Endpoints that know the API are the first choice, within a chain's step or a share: nothing is lost on the way to them. */
  preferNative(candidates: Candidates): Candidates {
    if (!this.#knowsKindsOnly) {
      return putFirst(candidates, ({ endpoint }) => this.nativePathAt(endpoint) !== undefined);
    }
    const kinds = kindsOf(candidates);
    const areNative = kinds.map((kind) => this.#nativePathOf(kind) !== undefined);
    const lists = arranged(candidates);
    const key = areNative.join();
    let list = lists.get(key);
    if (list === undefined) {
      list = putFirst(candidates, ({ endpoint }) => areNative[kinds.indexOf(endpoint.profile)] === true);
      lists.set(key, list);
    }
    return list;
  }

  /** Then what holds for one endpoint holds for all of its kind: of those there are few. */
  get #knowsKindsOnly(): boolean {
    return this.#withoutPath.size === 0 && this.#support.knowsKindsOnly;
  }

  #nativePathOf(profile: Profile): string | undefined {
    const path = this.api.nativePath(profile);
    return path === undefined || this.#clashesWith(profile) ? undefined : path;
  }

  /** Whether the request asks for what this kind's own API cannot do. */
  #clashesWith(profile: Profile): boolean {
    this.#isLimited ??= this.api.findNativeLimits?.(this.#inspection.body ?? nothing) ?? (() => false);
    if (this.#isLimited(profile)) return true;
    const { anthropic } = profile;
    // A translation would end at the same place.
    if (this.api.name !== "anthropic" || anthropic?.isOnlyDialect === true) return false;
    const limitations = anthropic?.limitations;
    return limitations?.some((limitation) => this.#needs(limitation)) === true;
  }

  /** Looks through the whole body, so each question is asked once. */
  #needs(limitation: string): boolean {
    const known = this.#needed.get(limitation);
    if (known !== undefined) return known;
    const { body = nothing, scan } = this.#inspection;
    const isNeeded =
      (limitation === "no_tool_use" && scan?.hasTools === true) ||
      (limitation === "no_vision" && hasImage(body)) ||
      (limitation === "no_extended_thinking" && thinkingMark.test(latin1Of(body)));
    this.#needed.set(limitation, isNeeded);
    return isNeeded;
  }
}

const kindsOf = oncePerList((candidates: Candidates): readonly Profile[] => [
  ...new Set(candidates.map(({ endpoint }) => endpoint.profile)),
]);

/** Lists of `putFirst`, by which of the kinds are native. */
const arranged = oncePerList(() => new Map<string, Candidates>());

/** Those that another one outdoes, in their step or share, become second choices. */
function putFirst(candidates: Candidates, isNative: (candidate: Candidate) => boolean): Candidates {
  const natives = candidates.filter(isNative);
  if (natives.length === 0 || natives.length === candidates.length) return candidates;
  const byShare = Map.groupBy(natives, ({ share }) => share);
  const ranksOf = new Map([...byShare].map(([share, those]) => [share, new Set(those.map(rankOf))]));
  const isOutdone = (candidate: Candidate) =>
    !isNative(candidate) && ranksOf.get(candidate.share)?.has(rankOf(candidate)) === true;
  const mark = (candidate: Candidate): Candidate =>
    isOutdone(candidate) ? { ...candidate, isSecondChoice: true } : candidate;
  const [first, ...others] = candidates;
  return [mark(first), ...others.map(mark)];
}

function rankOf({ rank = 0 }: Candidate): number {
  return rank;
}

/** A character for each byte: the mark has no others, and nothing need be decoded. */
function latin1Of(body: Uint8Array): string {
  return Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString("latin1");
}
