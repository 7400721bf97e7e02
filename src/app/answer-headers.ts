import { stickyHeaders } from "../pipeline/affinity.ts";
import type { Exchange } from "../pipeline/exchange.ts";
import type { RequestLedger } from "../pipeline/ledger.ts";
import type { Answered } from "../pipeline/pipeline.ts";
import { ollaHeaders, type ResponseHeaders } from "../pipeline/response-headers.ts";

/** The only type of an answer whose head may go out before it has begun. */
export const eventStream = "text/event-stream";

/** What can be said before anybody knows who will answer. */
export function earlyHeaders(exchange: Exchange, ledger: RequestLedger, version: string): Headers {
  const headers = new Headers({
    "Content-Type": eventStream,
    "Cache-Control": "no-cache",
    "X-Accel-Buffering": "no",
    "X-Served-By": `Olla/${version}`,
    Via: `1.1 olla/${version}`,
  });
  const facts = {
    requestId: exchange.requestId,
    endpointName: undefined,
    backendType: undefined,
    model: ledger.model,
    elapsedMs: undefined,
    decision: ledger.decision,
  };
  for (const [name, value] of ollaHeaders(facts)) headers.set(name, value);
  return headers;
}

/** Of an answer that an endpoint gave. */
export function responseHeaders(
  { exchange, forwarded, ledger, elapsedMs, isStream, upstreamHeaders }: Answered,
  relayed: ResponseHeaders,
): Headers {
  const { candidate, claim, dispatch, retryAfterSeconds } = forwarded;
  const headers = relayed.build({
    upstream: upstreamHeaders,
    endpoint: candidate.endpoint,
    requestId: exchange.requestId,
    model: candidate.model,
    elapsedMs,
    decision: ledger.decision,
    isStream,
  });
  if (ledger.isCloud) headers.set("x-olla-tier", "cloud");
  if (dispatch.isNative) headers.set("x-olla-mode", "passthrough");
  for (const [name, value] of dispatch.translated?.translation.notices ?? []) headers.set(name, value);
  if (exchange.dialect === "anthropic") headers.set("request-id", exchange.requestId);
  for (const [name, value] of attemptHeaders(forwarded.attempts)) headers.set(name, value);
  for (const [name, value] of stickyHeaders(ledger.sticky)) headers.set(name, value);
  if (claim.queuedMs > 0) {
    headers.set("x-olla-queue-time", `${Math.round(claim.queuedMs)}ms`);
    headers.set("x-olla-queue-depth", String(claim.queueDepth));
  }
  if (retryAfterSeconds !== undefined) {
    headers.set("retry-after", String(retryAfterSeconds));
    // The endpoint's own, which clients would prefer.
    headers.delete("retry-after-ms");
  }
  return headers;
}

/** Said only when there is something to say: nearly every request needs one attempt. */
export function attemptHeaders(attempts: number): [string, string][] {
  return attempts > 0 ? [["X-Olla-Attempts", String(attempts)]] : [];
}
