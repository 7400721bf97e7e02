import type { OllaError } from "../errors.ts";
import type { Clock } from "../lib/clock.ts";
import type { Outcome } from "../observe/outcome.ts";
import { redactQuery } from "../observe/redact-query.ts";
import type { Arrival } from "./arrival.ts";
import { declaredBodyBytes } from "./head-size.ts";

/** The record of a request that Olla answered by itself, whole, without asking an endpoint. */
export function ownOutcome(
  arrival: Arrival,
  response: Response,
  error: OllaError | undefined,
  clock: Clock,
): Outcome {
  const { request } = arrival;
  const durationMs = clock.now() - arrival.receivedAt;
  return {
    requestId: arrival.requestId,
    receivedAt: clock.wallTime() - durationMs,
    method: request.method,
    path: arrival.path,
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
  };
}
