import type { Candidate, Candidates } from "../balancer/balancer.ts";
import type { Endpoint } from "../endpoints/endpoint.ts";
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
  #translation: Translation | undefined;

  constructor(api: ClientApi, inspection: Inspection, support: NativeSupport, requestId: string) {
    this.api = api;
    this.#inspection = inspection;
    this.#support = support;
    this.#requestId = requestId;
  }

  /** Where the endpoint answers such a request itself; undefined when it needs a translation. */
  nativePathAt(endpoint: Endpoint): string | undefined {
    const path = this.#support.pathAt(endpoint, this.api);
    return path === undefined || this.#clashesWith(endpoint) ? undefined : path;
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
    this.#support.noteMissing(endpointName, this.api);
  }

  /** Endpoints that know the API first: nothing is lost on the way to them. */
  preferNative(candidates: Candidates): Candidates {
    const isNative = ({ endpoint }: Candidate) => this.nativePathAt(endpoint) !== undefined;
    const natives = candidates.filter(isNative).length;
    if (natives === 0 || natives === candidates.length) return candidates;
    const [first, ...others] = candidates;
    const rerank = (candidate: Candidate): Candidate => ({
      ...candidate,
      rank: 2 * (candidate.rank ?? 0) + (isNative(candidate) ? 0 : 1),
    });
    return [rerank(first), ...others.map(rerank)];
  }

  /** Whether the request asks for what this kind's own Messages API cannot do. */
  #clashesWith({ profile }: Endpoint): boolean {
    const limitations = this.api.name === "anthropic" ? profile.anthropic?.limitations : undefined;
    if (limitations === undefined || limitations.length === 0) return false;
    const { body = nothing, scan } = this.#inspection;
    return (
      (limitations.includes("no_tool_use") && scan?.hasTools === true) ||
      (limitations.includes("no_vision") && hasImage(body)) ||
      (limitations.includes("no_extended_thinking") &&
        thinkingMark.test(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString("latin1")))
    );
  }
}
