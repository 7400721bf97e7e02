import type { Clock } from "../lib/clock.ts";
import type { RequestTrace } from "../observe/tracing/request-trace.ts";
import type { BeginTrace } from "../observe/tracing/tracing.ts";
import type { ClientKey } from "../pipeline/client-key.ts";
import { type ConnectionControl, peerAddress } from "./connection.ts";
import type { ReadClientOrigin } from "./guard/client-address.ts";
import type { Lease } from "./guard/client-guard.ts";
import { requestIdFor } from "./request-id.ts";

/** What is known of a request the moment it is here. Hono hands it to every handler as its environment. */
export interface Arrival {
  /** As Bun gave it, never a copy: the connection's address and timeout hang on it. */
  readonly request: Request;
  readonly connection: ConnectionControl;
  readonly requestId: string;
  /** Monotonic milliseconds. */
  readonly receivedAt: number;
  /** Of the connection, IPv4-mapped addresses written as IPv4; `unknown` where it is gone. */
  readonly peerAddress: string;
  /** The same, or what a trusted proxy says. */
  readonly clientAddress: string;
  /** What of `X-Forwarded-For` is believed; undefined where the peer is no trusted proxy. */
  readonly trustedForwarding?: { readonly chain: string | undefined } | undefined;
  /** Undefined where no keys are configured, and before one was found good. */
  readonly clientKey?: ClientKey | undefined;
  readonly lease?: Lease | undefined;
  /** Absolute, whatever the client sent. */
  readonly url: string;
  /** Percent-encoding intact, without the query. */
  readonly path: string;
  /** `""` or starting with `?`. */
  readonly query: string;
  /** Undefined for what is not traced. */
  readonly trace?: RequestTrace | undefined;
}

/**
 * Must be called before anything is awaited.
 * @param readOrigin undefined where no proxy is trusted
 * @param beginTrace undefined where nothing is traced
 */
export function arrive(
  request: Request,
  connection: ConnectionControl,
  clock: Clock,
  readOrigin?: ReadClientOrigin,
  beginTrace?: BeginTrace,
): Arrival {
  const url = absoluteUrl(request.url);
  const pathAt = url.indexOf("/", url.indexOf("://") + 3);
  const queryAt = url.indexOf("?", pathAt);
  const peer = peerAddress(request, connection);
  const origin = readOrigin?.(peer, request.headers);
  const path = queryAt < 0 ? url.slice(pathAt) : url.slice(pathAt, queryAt);
  return {
    request,
    connection,
    requestId: requestIdFor(request.headers.get("x-request-id")),
    receivedAt: clock.now(),
    peerAddress: peer,
    clientAddress: origin?.address ?? peer,
    trustedForwarding: origin?.isFromTrustedProxy === true ? { chain: origin.forwardedFor } : undefined,
    url,
    path,
    query: queryAt < 0 ? "" : url.slice(queryAt),
    trace: beginTrace?.(path, request.headers),
  };
}

/**
 * HTTP/1.0 without `Host` leaves only a path, and Hono would take its first segment for a host. Such a path has not
 * been cleaned of dot segments either. A fragment is the client's mistake and nobody's business.
 */
function absoluteUrl(received: string): string {
  const fragmentAt = received.indexOf("#");
  const url = fragmentAt < 0 ? received : received.slice(0, fragmentAt);
  if (url.startsWith("http://") || url.startsWith("https://")) return url;
  const path = url.startsWith("/") ? url : `/${url}`;
  return URL.parse(`http://localhost${path}`)?.href ?? "http://localhost/";
}
