import type { Candidate } from "../balancer/balancer.ts";
import type { Endpoint } from "../endpoints/endpoint.ts";
import type { UpstreamRequest } from "../proxy/engine.ts";
import { toHeaderValue } from "../proxy/header-value.ts";
import type { Inspection } from "./inspect.ts";
import type { RewriteBody } from "./rewrite-body.ts";

/** Said about the bytes as they came; not true of others. */
const namesOfBytes = ["content-encoding", "content-md5", "content-digest", "repr-digest", "digest"] as const;

/**
 * Puts what was chosen for one candidate into the request for its endpoint. Each attempt begins with the client's own
 * bytes, and those go out where nothing was chosen.
 */
export function createAttemptEncoder(
  { body, scan }: Inspection,
  build: (endpoint: Endpoint) => UpstreamRequest,
  rewriter: RewriteBody,
): (candidate: Candidate) => UpstreamRequest {
  return ({ endpoint, model, bodyModel, bodyDefaults }) => {
    const request = build(endpoint);
    if (bodyModel === undefined && bodyDefaults === undefined) return request;
    const headers = new Headers(request.headers);
    if (model !== undefined) headers.set("x-model", toHeaderValue(bodyModel ?? model));
    if (body === undefined || scan === undefined) return { ...request, headers };
    const rewritten = rewriter(body, scan, { model: bodyModel, defaults: bodyDefaults });
    if (rewritten === body) return { ...request, headers };
    for (const name of namesOfBytes) headers.delete(name);
    return { ...request, headers, body: rewritten };
  };
}
