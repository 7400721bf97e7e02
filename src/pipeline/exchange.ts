import type { OllaError } from "../errors.ts";
import type { Outcome } from "../observe/outcome.ts";
import type { RequestTrace } from "../observe/tracing/request-trace.ts";
import type { Profile } from "../profiles/profile.ts";
import type { Dialect } from "../translate/dialect.ts";
import type { ClientKey } from "./client-key.ts";

/** One client request on its way through the pipeline: what the server knows before anything is decided. */
export interface Exchange {
  /** With its body unread. A copy will do: what hangs on the connection is below. */
  readonly request: Request;
  readonly requestId: string;
  /** Monotonic milliseconds (`Clock.now`). */
  readonly receivedAt: number;
  /** Of the connection, IPv4-mapped addresses written as IPv4. */
  readonly peerAddress: string;
  /** The same, or what a trusted proxy says. */
  readonly clientAddress: string;
  /** What of `X-Forwarded-For` is believed; undefined where the peer is no trusted proxy. */
  readonly trustedForwarding?: { readonly chain: string | undefined } | undefined;
  /** Undefined where no keys are configured. */
  readonly clientKey?: ClientKey | undefined;
  /** Its route leads to local endpoints only. */
  readonly isLocalRoute?: boolean | undefined;
  /** The client's tokens are counted: an endpoint that says their number only when asked is to be asked. */
  readonly needsUsage?: boolean | undefined;
  readonly isSecure: boolean;
  /** As received, percent-encoding intact, without the query. */
  readonly path: string;
  /** `""` or starting with `?`, as received. */
  readonly query: string;
  readonly dialect: Dialect;
  /** The route's prefix: a bounded set, fit for a label. */
  readonly route: string;
  /** Which endpoints the route leads to: every one, or those of one profile. */
  readonly scope: Profile | "all";
  /** The path to ask the endpoint for: what is left behind the route's prefix, starting with `/`. */
  readonly upstreamPath: string;
  /** The only endpoint that the request may be sent to, because its client has named it. */
  readonly pinnedEndpoint?: string;
  /** Undefined for what is not traced. */
  readonly trace?: RequestTrace | undefined;
  /** Called once, when the answer has ended. Undefined where nobody waits for that. */
  readonly onEnd?: ((outcome: Outcome) => void) | undefined;
  /** Stops the connection's idle timeout: called once the body is read, before anything slow. */
  holdOpen(): void;
  /** Puts the idle timeout back, just before the last byte: it would stick to the kept-alive connection otherwise. */
  releaseHold(): void;
  /** The whole error answer in the caller's dialect. */
  renderError(error: OllaError, headers: Iterable<readonly [string, string]>): Response;
  /**
   * What to append to a stream of this content type that broke; undefined where only cutting the connection tells.
   * @param lastByte the last one that the client got; undefined when it got none
   */
  renderStreamError(
    error: OllaError,
    contentType: string,
    lastByte: number | undefined,
  ): Uint8Array | undefined;
}
