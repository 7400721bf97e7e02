import type { Clock } from "../lib/clock.ts";
import type { Exchange } from "../pipeline/exchange.ts";
import type { Arrival } from "./arrival.ts";
import type { ConnectionControl } from "./connection.ts";
import { dialectFor } from "./dialect-of.ts";
import { renderError, renderStreamError } from "./render-error.ts";
import type { ScopedPath } from "./scope.ts";

/** What the pipeline gets of a request that is to be sent on. */
export function createExchange(
  arrival: Arrival,
  scoped: ScopedPath,
  idleTimeoutSeconds: number,
  clock: Clock,
): Exchange {
  const { request, connection, requestId, lease } = arrival;
  const { scope, upstreamPath } = scoped;
  const dialect = dialectFor(arrival, scoped);
  const { holdOpen, releaseHold } = createHold(connection, request, idleTimeoutSeconds, clock);
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
    needsUsage: lease?.needsUsage,
    onEnd: lease?.end,
    holdOpen,
    releaseHold,
    renderError: (error, headers) => renderError(error, dialect, requestId, headers),
    renderStreamError: (error, contentType, lastByte) =>
      renderStreamError(error, contentType, dialect, lastByte),
  };
}

/** Far below the shortest idle timeout, a second. */
const untilHeldMs = 20;

/** Keeps a connection open that is silent because its answer takes time. Most take none, and nothing is done for them. */
function createHold(
  connection: ConnectionControl,
  request: Request,
  idleTimeoutSeconds: number,
  clock: Clock,
): Pick<Exchange, "holdOpen" | "releaseHold"> {
  let isHeld = false;
  let cancel: (() => void) | undefined;
  const hold = () => {
    isHeld = true;
    connection.timeout(request, 0);
  };
  return {
    holdOpen() {
      cancel = clock.deadline(untilHeldMs, hold);
    },
    releaseHold() {
      cancel?.();
      if (isHeld) connection.timeout(request, idleTimeoutSeconds);
      isHeld = false;
    },
  };
}
