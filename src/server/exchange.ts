import type { Exchange } from "../pipeline/exchange.ts";
import type { Arrival } from "./arrival.ts";
import { dialectFor } from "./dialect-of.ts";
import { renderError, renderStreamError } from "./render-error.ts";
import type { ScopedPath } from "./scope.ts";

/** What the pipeline gets of a request that is to be sent on. */
export function createExchange(arrival: Arrival, scoped: ScopedPath, idleTimeoutSeconds: number): Exchange {
  const { request, connection, requestId, lease } = arrival;
  const { scope, upstreamPath } = scoped;
  const dialect = dialectFor(arrival, scoped);
  return {
    request,
    requestId,
    receivedAt: arrival.receivedAt,
    peerAddress: arrival.peerAddress,
    clientAddress: arrival.clientAddress,
    trustedForwarding: arrival.trustedForwarding,
    clientKey: arrival.clientKey,
    isSecure: connection.protocol === "https",
    path: arrival.path,
    query: arrival.query,
    dialect,
    route: scope.prefix,
    trace: arrival.trace,
    scope: scope.profile,
    upstreamPath,
    isLocalRoute: scope.isLocalOnly,
    ...(lease && { needsUsage: lease.needsUsage, onEnd: lease.end }),
    holdOpen: () => connection.timeout(request, 0),
    releaseHold: () => connection.timeout(request, idleTimeoutSeconds),
    renderError: (error, headers) => renderError(error, dialect, requestId, headers),
    renderStreamError: (error, contentType, lastByte) =>
      renderStreamError(error, contentType, dialect, lastByte),
  };
}
