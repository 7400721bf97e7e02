import type { Endpoint } from "../endpoints/endpoint.ts";
import type { RoutingDecision } from "../observe/outcome.ts";
import { toHeaderValue } from "../proxy/header-value.ts";
import { deleteCredentials, deleteHopByHop } from "../proxy/hop-headers.ts";

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
  const headers: [string, string][] = [["X-Olla-Request-ID", facts.requestId]];
  if (facts.endpointName !== undefined) headers.push(["X-Olla-Endpoint", toHeaderValue(facts.endpointName)]);
  if (facts.backendType !== undefined)
    headers.push(["X-Olla-Backend-Type", toHeaderValue(facts.backendType)]);
  if (facts.model !== undefined) headers.push(["X-Olla-Model", toHeaderValue(facts.model)]);
  if (facts.elapsedMs !== undefined) headers.push(["X-Olla-Response-Time", formatElapsed(facts.elapsedMs)]);
  if (facts.decision !== undefined) {
    headers.push(["X-Olla-Routing-Strategy", facts.decision.strategy]);
    headers.push(["X-Olla-Routing-Decision", facts.decision.action]);
    if (facts.decision.reason !== "")
      headers.push(["X-Olla-Routing-Reason", toHeaderValue(facts.decision.reason)]);
  }
  return headers;
}

/** The headers of a relayed answer: the endpoint's, less what is not the client's business, and ours. */
export function buildResponseHeaders(answer: UpstreamAnswerFacts, settings: ResponseHeaderSettings): Headers {
  const { endpoint, requestId, model, elapsedMs, decision } = answer;
  const headers = new Headers(answer.upstream);
  deleteHopByHop(headers);
  deleteCredentials(headers);
  headers.delete("set-cookie");
  for (const name of endpoint.secretHeaderNames) headers.delete(name);
  // Over the source's names, because deleting while iterating skips some.
  for (const name of answer.upstream.keys()) {
    if (isOurs(name) || (settings.isCorsOn && name.startsWith("access-control-"))) headers.delete(name);
  }

  headers.set("x-served-by", `Olla/${settings.version}`);
  headers.append("via", `1.1 olla/${settings.version}`);
  // Proxies in front of us (nginx) collect a stream's chunks unless told not to.
  if (answer.isStream && !headers.has("x-accel-buffering")) headers.set("x-accel-buffering", "no");
  const backendType = endpoint.profile.name;
  const facts = { requestId, endpointName: endpoint.name, backendType, model, elapsedMs, decision };
  for (const [name, value] of ollaHeaders(facts)) headers.set(name, value);
  return headers;
}

/** An endpoint that speaks in our name could be another Olla, or lie. */
function isOurs(lowerCaseName: string): boolean {
  return lowerCaseName.startsWith("x-olla-");
}

function formatElapsed(elapsedMs: number): string {
  return `${Math.max(0, Math.round(elapsedMs))}ms`;
}
