import type { OllaError } from "../errors.ts";
import type { Clock } from "../lib/clock.ts";
import type { Outcome } from "../observe/outcome.ts";
import { redactQuery } from "../observe/redact-query.ts";
import type { Arrival } from "./arrival.ts";
import { declaredBodyBytes } from "./head-size.ts";
import type { ScopedPath } from "./scope.ts";

/** What kind of answer of Olla's own a path leads to, for labels. */
function ownRoute(path: string): "ui" | "internal" | "models" | "other" {
  if (path === "/internal/ui" || path.startsWith("/internal/ui/")) return "ui";
  if (path.startsWith("/internal/") || path === "/metrics") return "internal";
  return path.startsWith("/olla/") || path.startsWith("/v1/") || path.startsWith("/api/")
    ? "models"
    : "other";
}

/**
 * The record of a request that Olla answered by itself, whole, without asking an endpoint.
 * @param scoped given for one that would have been sent on
 */
export function ownOutcome(
  arrival: Arrival,
  response: Response,
  error: OllaError | undefined,
  clock: Clock,
  scoped?: ScopedPath,
): Outcome {
  const { request } = arrival;
  const durationMs = clock.now() - arrival.receivedAt;
  return {
    requestId: arrival.requestId,
    receivedAt: clock.wallTime() - durationMs,
    method: request.method,
    path: arrival.path,
    route: scoped?.scope.prefix ?? ownRoute(arrival.path),
    query: redactQuery(arrival.query),
    clientAddress: arrival.clientAddress,
    clientKey: arrival.clientKey?.name,
    userAgent: request.headers.get("user-agent") ?? undefined,
    model: undefined,
    endpoint: undefined,
    backendType: undefined,
    status: response.status,
    isStream: false,
    requestBytes: declaredBodyBytes(request),
    responseBytes: request.method === "HEAD" ? 0 : Number(response.headers.get("content-length") ?? 0),
    durationMs,
    headMs: durationMs,
    queueMs: 0,
    stickyOutcome: undefined,
    ending: error === undefined ? "complete" : "rejected",
    error: error === undefined ? undefined : { code: error.code, message: error.message },
    attempts: [],
    decision: undefined,
    trace: arrival.trace,
  };
}
