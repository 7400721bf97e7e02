import { type ClientTls, explainCertificateFailure } from "../lib/client-tls.ts";
import type { Clock } from "../lib/clock.ts";
import { type FetchLike, HttpGetTimeout, httpGet } from "../lib/http-get.ts";
import { classifyNetworkError } from "../lib/network-error.ts";
import type { Secret } from "../lib/secret.ts";

export type ModelFetchFault =
  | "client-status"
  | "server-status"
  | "redirect"
  | "unreachable"
  | "timeout"
  | "network"
  | "too-large";

/** A model list that could not be had. The message is for operators; it holds no address and no credential. */
export class ModelFetchError extends Error {
  readonly fault: ModelFetchFault;
  readonly status: number | undefined;

  constructor(message: string, options: ErrorOptions & { fault: ModelFetchFault; status?: number }) {
    super(message, options);
    this.name = "ModelFetchError";
    this.fault = options.fault;
    this.status = options.status;
  }
}

export interface ModelFetchOptions {
  readonly headers: Headers;
  /** For everything together, redirects included. */
  readonly timeoutMs: number;
  /** The endpoint's. */
  readonly tls?: ClientTls | undefined;
  readonly clock: Clock;
  readonly signal?: AbortSignal;
  readonly fetch?: FetchLike;
}

/** What discovery sends; `own` are an endpoint's headers and credentials and win. */
export function discoveryHeaders(
  version: string,
  own: readonly (readonly [name: string, value: Secret])[],
): Headers {
  const headers = new Headers({ "user-agent": `olla-Discovery/${version}`, accept: "application/json" });
  for (const [name, value] of own) headers.set(name, value.reveal());
  return headers;
}

const maxListBytes = 10 * 1024 * 1024;
const maxRedirects = 3;
const redirectStatuses: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

export interface ListAnswer {
  readonly body: Uint8Array;
  readonly headers: Headers;
}

/**
 * The answer to a question for a model list. Redirects are followed within the same origin only: the headers carry credentials.
 * Throws `ModelFetchError`; a list over 10 MiB is an error, not half a list.
 */
export async function fetchListAnswer(url: string, options: ModelFetchOptions): Promise<ListAnswer> {
  const deadline = options.clock.now() + options.timeoutMs;
  let target = url;
  for (let redirects = 0; ; redirects += 1) {
    const answer = await getOnce(target, { ...options, timeoutMs: deadline - options.clock.now() });
    if (redirectStatuses.has(answer.status) && redirects < maxRedirects) {
      target = sameOriginTarget(target, answer.headers.get("location"), answer.status);
      continue;
    }
    if (answer.status !== 200) throw statusError(answer.status);
    if (answer.isTruncated) {
      throw new ModelFetchError("the model list is larger than 10 MiB", { fault: "too-large" });
    }
    return { body: answer.body, headers: answer.headers };
  }
}

/** The body alone, for whoever knows what kind answers. Throws as `fetchListAnswer` does. */
export async function fetchModelList(url: string, options: ModelFetchOptions): Promise<Uint8Array> {
  return (await fetchListAnswer(url, options)).body;
}

async function getOnce(url: string, options: ModelFetchOptions): ReturnType<typeof httpGet> {
  try {
    return await httpGet(url, { ...options, maxBytes: maxListBytes });
  } catch (cause) {
    if (cause instanceof HttpGetTimeout) {
      throw new ModelFetchError("connection timeout", { fault: "timeout", cause });
    }
    throw networkError(cause);
  }
}

function networkError(cause: unknown): ModelFetchError {
  switch (classifyNetworkError(cause)) {
    case "connect_refused":
      return new ModelFetchError("unreachable (connection refused)", { fault: "unreachable", cause });
    case "unreachable":
      return new ModelFetchError("unreachable (no route)", { fault: "unreachable", cause });
    case "dns":
      return new ModelFetchError("unreachable (host name not found)", { fault: "unreachable", cause });
    case "connect_timeout":
      return new ModelFetchError("connection timeout", { fault: "timeout", cause });
    case "reset":
    case "eof_before_head":
      return new ModelFetchError("network error (connection closed)", { fault: "network", cause });
    case "tls":
      return new ModelFetchError(describeTlsFailure(cause), { fault: "network", cause });
    case "malformed_response":
      return new ModelFetchError("network error (the answer is not HTTP)", { fault: "network", cause });
    case "aborted":
    case "other":
      return new ModelFetchError("network error", { fault: "network", cause });
  }
}

function describeTlsFailure(cause: unknown): string {
  const deed = explainCertificateFailure(cause);
  return deed === undefined ? "network error (TLS or certificate)" : `network error: the endpoint ${deed}`;
}

function statusError(status: number): ModelFetchError {
  if (status >= 400 && status < 500) {
    return new ModelFetchError(`configuration issue (HTTP ${status})`, { fault: "client-status", status });
  }
  const what = status >= 500 ? "server error" : "unexpected answer";
  return new ModelFetchError(`${what} (HTTP ${status})`, { fault: "server-status", status });
}

function sameOriginTarget(from: string, location: string | null, status: number): string {
  const target = location === null ? null : URL.parse(location, from);
  if (target?.origin === new URL(from).origin) return target.href;
  const text = target === null ? "nowhere" : "another origin";
  throw new ModelFetchError(`configuration issue (redirected to ${text}, HTTP ${status})`, {
    fault: "redirect",
    status,
  });
}
