import type { Candidate, Candidates } from "../balancer/balancer.ts";
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
  nativePathAt(endpoint: Endpoint): string | undefined {
    const path = this.#support.pathAt(endpoint, this.api);
    if (path === undefined || this.#withoutPath.has(endpoint.name)) return undefined;
    return this.#clashesWith(endpoint) ? undefined : path;
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
    const isNative = candidates.some(({ endpoint }) => this.nativePathAt(endpoint) !== undefined);
    return isNative ? undefined : this.translation().ownAnswer;
  }

  /** The endpoint turned out to have nothing at the path where its kind answers. */
  noteNotNative(endpointName: string): void {
    this.#withoutPath.add(endpointName);
    this.#support.noteMissing(endpointName, this.api);
  }

  /** Endpoints that know the API are the first choice, within a chain's step or a share: nothing is lost on the way to them. */
  preferNative(candidates: Candidates): Candidates {
    const natives = candidates.filter(({ endpoint }) => this.nativePathAt(endpoint) !== undefined);
    if (natives.length === 0 || natives.length === candidates.length) return candidates;
    const mark = (candidate: Candidate): Candidate => {
      const { rank = 0, share } = candidate;
      const isOutdone =
        !natives.includes(candidate) &&
        natives.some((native) => (native.rank ?? 0) === rank && native.share === share);
      return isOutdone ? { ...candidate, isSecondChoice: true } : candidate;
    };
    const [first, ...others] = candidates;
    return [mark(first), ...others.map(mark)];
  }

  /** Whether the request asks for what this kind's own API cannot do. */
  #clashesWith({ profile }: Endpoint): boolean {
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

/** A character for each byte: the mark has no others, and nothing need be decoded. */
function latin1Of(body: Uint8Array): string {
  return Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString("latin1");
}
