import type { Candidate } from "../balancer/balancer.ts";
import { anthropicVersion } from "../endpoints/question-headers.ts";
import { OllaError } from "../errors.ts";
import type { UpstreamRequest } from "../proxy/engine.ts";
import { toHeaderValue } from "../proxy/header-value.ts";
import type { BuildUpstreamRequest } from "../proxy/upstream-request.ts";
import type { Translation, TranslationTarget } from "../translate/client-api.ts";
import type { ApiRequest } from "./api-request.ts";
import type { Inspection } from "./inspect.ts";
import type { RewriteBody } from "./rewrite-body.ts";

/** What goes to one endpoint, and how its answer is to be read. */
export interface Dispatch {
  readonly request: UpstreamRequest;
  /** Behind the endpoint's base: tells what its events look like. */
  readonly upstreamPath: string;
  /** Whether the endpoint is asked at its own path for an API that not every endpoint knows. */
  readonly isNative: boolean;
  /** An older version of the endpoint may have nothing at that path, and there is another way to ask it. */
  readonly mayLackPath: boolean;
  /** Undefined where the endpoint is spoken to in the client's own dialect. */
  readonly translated: TranslatedDispatch | undefined;
}

export interface TranslatedDispatch {
  readonly translation: Translation;
  readonly target: TranslationTarget;
}

export interface AttemptEncoderParts {
  readonly inspection: Inspection;
  /** The client's path. */
  readonly upstreamPath: string;
  /** Undefined for a request that every endpoint takes as it is. */
  readonly apiRequest: ApiRequest | undefined;
  readonly build: BuildUpstreamRequest;
  readonly rewriter: RewriteBody;
}

/** Said about the bytes as they came; not true of others. */
const namesOfBytes = ["content-encoding", "content-md5", "content-digest", "repr-digest", "digest"] as const;

/**
 * Puts what was chosen for one candidate into the request for its endpoint. Each attempt begins with the client's own
 * bytes, and those go out where nothing was chosen and the endpoint knows the client's dialect.
 */
export function createAttemptEncoder(parts: AttemptEncoderParts): (candidate: Candidate) => Dispatch {
  const { apiRequest, upstreamPath, build } = parts;
  if (apiRequest === undefined) {
    return (candidate) => {
      const request = rewrite(build(candidate.endpoint), candidate, parts);
      return { request, upstreamPath, isNative: false, mayLackPath: false, translated: undefined };
    };
  }
  const isNative = apiRequest.api.isCommon !== true;
  return (candidate) => {
    const { endpoint } = candidate;
    const path = apiRequest.nativePathAt(endpoint);
    if (path === undefined) return translate(candidate, apiRequest, parts);
    const isOnlyWay = endpoint.profile.anthropic?.isOnlyDialect === true;
    const request = rewrite(build(endpoint, path), candidate, parts);
    return {
      request: isOnlyWay ? withVersion(request) : request,
      upstreamPath: path,
      isNative,
      mayLackPath: isNative && !isOnlyWay,
      translated: undefined,
    };
  };
}

/** Clouds refuse a request without one, and not every client sends it. */
function withVersion(request: UpstreamRequest): UpstreamRequest {
  if (request.headers.has(versionName)) return request;
  const headers = new Headers(request.headers);
  headers.set(versionName, anthropicVersion);
  return { ...request, headers };
}

const versionName = "anthropic-version";

function rewrite(
  request: UpstreamRequest,
  { model, bodyModel, bodyDefaults }: Candidate,
  { inspection, rewriter }: AttemptEncoderParts,
): UpstreamRequest {
  const { body, scan } = inspection;
  // With space around it no endpoint would know the name, and the model would be taken for lost.
  const isPadded = scan?.model !== undefined && scan.model.value !== inspection.model;
  const written = bodyModel ?? (isPadded ? model : undefined);
  if (written === undefined && bodyDefaults === undefined) return request;
  const headers = new Headers(request.headers);
  if (model !== undefined) headers.set("x-model", toHeaderValue(bodyModel ?? model));
  if (body === undefined || scan === undefined) return { ...request, headers };
  const rewritten = rewriter(body, scan, { model: written, defaults: bodyDefaults });
  if (rewritten === body) return { ...request, headers };
  for (const name of namesOfBytes) headers.delete(name);
  return { ...request, headers, body: rewritten };
}

function translate(
  { endpoint, model, bodyModel, bodyDefaults }: Candidate,
  apiRequest: ApiRequest,
  { build }: AttemptEncoderParts,
): Dispatch {
  const translation = apiRequest.translation();
  if (translation.ownAnswer !== undefined) {
    throw new OllaError("not_supported", "Only an endpoint that knows this API itself can do that");
  }
  const target = { profile: endpoint.profile, model: bodyModel ?? model ?? "", defaults: bodyDefaults };
  const { path, body, headers: told = [] } = translation.encode(target);
  const request = build(endpoint, path);
  const headers = new Headers(request.headers);
  for (const name of namesOfBytes) headers.delete(name);
  // What stands in these is meant for a server of the client's dialect.
  for (const name of [...headers.keys()]) if (name.startsWith("anthropic-")) headers.delete(name);
  for (const [name, value] of told) headers.set(name, value);
  for (const [name, value] of endpoint.requestHeaders) {
    if (name.toLowerCase().startsWith("anthropic-")) headers.set(name, value.reveal());
  }
  headers.set("content-type", "application/json");
  headers.set("accept", translation.isStream ? "text/event-stream" : "application/json");
  // Compressed, an answer could not be read.
  headers.set("accept-encoding", "identity");
  headers.set("x-model", toHeaderValue(target.model));
  return {
    request: { ...request, headers, body },
    upstreamPath: path,
    isNative: false,
    mayLackPath: false,
    translated: { translation, target },
  };
}
