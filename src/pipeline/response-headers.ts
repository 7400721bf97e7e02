import type { Endpoint } from "../endpoints/endpoint.ts";
import type { RoutingDecision } from "../observe/outcome.ts";
import { toHeaderValue } from "../proxy/header-value.ts";
import { deleteHopByHop, endsHere, hasNamedHops } from "../proxy/hop-headers.ts";

/** What an answer says about the way it took. Members that are not known yet are undefined. */
export interface AnswerFacts {
  readonly requestId: string;
  readonly endpointName: string | undefined;
  readonly backendType: string | undefined;
  /** What the endpoint was, or would have been, asked for. */
  readonly model: string | undefined;
  /** Milliseconds. */
  readonly elapsedMs: number | undefined;
  readonly decision: RoutingDecision | undefined;
}

export interface UpstreamAnswerFacts {
  /** The endpoint's own. Not changed. */
  readonly upstream: Headers;
  readonly endpoint: Endpoint;
  readonly requestId: string;
  readonly model: string | undefined;
  readonly elapsedMs: number;
  readonly decision: RoutingDecision | undefined;
  /** Whether the body is an event stream. */
  readonly isStream: boolean;
}

export interface ResponseHeaderSettings {
  /** Of Olla. */
  readonly version: string;
  /** Olla answers for CORS itself, so an endpoint's answer about it must not stand beside ours. */
  readonly isCorsOn: boolean;
}

/** The `X-Olla-*` headers of an answer; on error answers of ours these are all there is. */
export function ollaHeaders(facts: AnswerFacts): (readonly [name: string, value: string])[] {
  const headers: [string, string][] = [["X-Olla-Request-ID", facts.requestId], ...headersOfFacts(facts)];
  if (facts.elapsedMs !== undefined) headers.push(["X-Olla-Response-Time", formatElapsed(facts.elapsedMs)]);
  return headers;
}

/** Those that are the same for many answers. */
function headersOfFacts(facts: Omit<AnswerFacts, "requestId" | "elapsedMs">): [string, string][] {
  const headers: [string, string][] = [];
  if (facts.endpointName !== undefined) headers.push(["X-Olla-Endpoint", toHeaderValue(facts.endpointName)]);
  if (facts.backendType !== undefined)
    headers.push(["X-Olla-Backend-Type", toHeaderValue(facts.backendType)]);
  if (facts.model !== undefined) headers.push(["X-Olla-Model", toHeaderValue(facts.model)]);
  if (facts.decision !== undefined) {
    headers.push(["X-Olla-Routing-Strategy", facts.decision.strategy]);
    headers.push(["X-Olla-Routing-Decision", facts.decision.action]);
    if (facts.decision.reason !== "")
      headers.push(["X-Olla-Routing-Reason", toHeaderValue(facts.decision.reason)]);
  }
  return headers;
}

/** What all answers have in common that come from one endpoint with one model, on the same decision. */
interface Common {
  readonly decision: RoutingDecision | undefined;
  readonly headers: Headers;
}

const maxCommon = 256;

/** The headers of relayed answers: the endpoint's, less what is not the client's business, and ours. */
export class ResponseHeaders {
  readonly #settings: ResponseHeaderSettings;
  readonly #via: string;
  readonly #commons = new WeakMap<Endpoint, Map<string, Common>>();

  constructor(settings: ResponseHeaderSettings) {
    this.#settings = settings;
    this.#via = `1.1 olla/${settings.version}`;
  }

  build(answer: UpstreamAnswerFacts): Headers {
    const { endpoint, upstream } = answer;
    // Copied, because setting ours one by one takes several times as long.
    const headers = new Headers(this.#commonOf(answer));
    let hasBuffering = false;
    const source = hasNamedHops(upstream) ? withoutHops(upstream) : upstream;
    source.forEach((value, name) => {
      if (endsHere(name) || name === "set-cookie" || name === servedByName || isOurs(name)) return;
      if (endpoint.secretHeaderNames.has(name)) return;
      if (this.#settings.isCorsOn && name.startsWith("access-control-")) return;
      hasBuffering ||= name === bufferingName;
      headers.set(name, name === "via" ? `${value}, ${this.#via}` : value);
    });
    // Proxies in front of us (nginx) collect a stream's chunks unless told not to.
    if (answer.isStream && !hasBuffering) headers.set(bufferingName, "no");
    headers.set("x-olla-request-id", answer.requestId);
    headers.set("x-olla-response-time", formatElapsed(answer.elapsedMs));
    return headers;
  }

  #commonOf({ endpoint, model, decision }: UpstreamAnswerFacts): Headers {
    let byModel = this.#commons.get(endpoint);
    if (byModel === undefined) {
      byModel = new Map();
      this.#commons.set(endpoint, byModel);
    }
    const key = model ?? "";
    const known = byModel.get(key);
    if (known !== undefined && isSameDecision(known.decision, decision)) return known.headers;
    const headers = new Headers({ via: this.#via, [servedByName]: `Olla/${this.#settings.version}` });
    const facts = { endpointName: endpoint.name, backendType: endpoint.profile.name, model, decision };
    for (const [name, value] of headersOfFacts(facts)) headers.set(name, value);
    if (byModel.size >= maxCommon) byModel.clear();
    byModel.set(key, { decision, headers });
    return headers;
  }
}

const servedByName = "x-served-by";
const bufferingName = "x-accel-buffering";

function isSameDecision(one: RoutingDecision | undefined, other: RoutingDecision | undefined): boolean {
  if (one === other) return true;
  return one?.strategy === other?.strategy && one?.action === other?.action && one?.reason === other?.reason;
}

function withoutHops(upstream: Headers): Headers {
  const headers = new Headers(upstream);
  deleteHopByHop(headers);
  return headers;
}

/** An endpoint that speaks in our name could be another Olla, or lie. */
function isOurs(lowerCaseName: string): boolean {
  return lowerCaseName.startsWith("x-olla-");
}

function formatElapsed(elapsedMs: number): string {
  return `${Math.max(0, Math.round(elapsedMs))}ms`;
}
