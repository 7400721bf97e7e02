import type { StickyOutcome } from "../balancer/sticky.ts";
import type { EndpointStatus } from "../endpoints/endpoint-status.ts";
import type { ErrorCode } from "../errors.ts";
import type { Ending } from "../proxy/ending.ts";
import type { ClientApiName } from "../translate/client-api.ts";
import type { Dialect } from "../translate/dialect.ts";
import type { RequestTrace } from "./tracing/request-trace.ts";
import type { ProviderMetrics } from "./usage.ts";

/** One send to one endpoint. */
export interface AttemptRecord {
  readonly endpoint: string;
  /** As the endpoint was asked for it. */
  readonly model: string | undefined;
  /** Milliseconds from the send to the response head, or to the failure. */
  readonly durationMs: number;
  /** Upstream status; undefined when no response head came. */
  readonly status: number | undefined;
  readonly error: ErrorCode | undefined;
  /** Milliseconds from the request's arrival to the send. */
  readonly startedMs?: number;
  /** Milliseconds spent waiting for a place at the endpoint before the send. */
  readonly queuedMs?: number;
  /** What went wrong, in words for people; no address, no credential. */
  readonly message?: string | undefined;
  /** As the endpoint was told in `traceparent`; absent while requests are not traced. */
  readonly spanId?: string | undefined;
}

/** Why an endpoint was no candidate for a request, in the order in which routing asks. */
export type SkipReason =
  | "outside_route"
  | "draining"
  | "not_healthy"
  | "cloud_barred"
  | "daily_tokens_spent"
  | "model_missing"
  | "model_filtered"
  | "lacks_capability"
  | "lacks_path"
  | "not_named";

/** What routing made of one endpoint. */
export interface ConsideredEndpoint {
  readonly endpoint: string;
  /** As the endpoint would be asked for it; undefined for one that was skipped, or where the request names none. */
  readonly model: string | undefined;
  /** Undefined for a candidate. */
  readonly skipped: SkipReason | undefined;
  /** Of a candidate: lower ones are used first. */
  readonly rank: number;
  /** Health when the request was routed. */
  readonly health: EndpointStatus;
}

/** A candidate that was not asked although its turn had come. */
export interface HeldBack {
  readonly endpoint: string;
  readonly model: string | undefined;
  readonly reason: "circuit_open" | "cooling_down" | "draining";
  /** Milliseconds from the request's arrival. */
  readonly atMs: number;
}

/** Moments of a request's life, each in milliseconds from its arrival. */
export interface Milestones {
  /** Its body was here. */
  readonly bodyMs: number;
  /** The body was understood as far as routing needs. */
  readonly inspectedMs: number;
  /** The candidates were known. */
  readonly routedMs: number | undefined;
  /** The first byte of the answer's body was handed to the client; only of streams. */
  readonly firstSentMs: number | undefined;
}

/** Why these candidates: the values of the `X-Olla-Routing-*` headers. */
export interface RoutingDecision {
  readonly strategy: string;
  readonly action: "routed" | "fallback" | "rejected";
  readonly reason: string;
}

/** Why a request was put into another dialect. */
export type FallbackReason = "no_compatible_endpoints" | "cannot_passthrough";

/** How a request went whose API not every endpoint knows. */
export interface ClientApiOutcome {
  readonly name: ClientApiName;
  /** Of the last attempt; `translation`, too, where there was none. */
  readonly mode: "passthrough" | "translation";
  /** Undefined for a passthrough, and for a request that was refused before endpoints were looked for. */
  readonly fallback: FallbackReason | undefined;
  readonly wantsStream: boolean;
}

/** What is remembered of one request, complete when its body has ended. Durations in milliseconds, sizes in bytes. */
export interface Outcome {
  readonly requestId: string;
  /** Milliseconds since the epoch. */
  readonly receivedAt: number;
  readonly method: string;
  /** As received, without the query. */
  readonly path: string;
  /** With the values of credential-like parameters replaced; without `?`. */
  readonly query: string;
  readonly clientAddress: string;
  /** The name of the client's key; absent where no keys are configured or none was good. */
  readonly clientKey?: string | undefined;
  readonly userAgent: string | undefined;
  /** What the endpoint that answered, or failed last, was asked for; else what the client asked for. */
  readonly model: string | undefined;
  /** As the client asked for it: an alias, perhaps. */
  readonly requestedModel?: string | undefined;
  /** The endpoint that answered. */
  readonly endpoint: string | undefined;
  readonly backendType: string | undefined;
  /** Absent for a local endpoint. */
  readonly tier?: "cloud" | undefined;
  /** 499 when the client left. */
  readonly status: number;
  readonly isStream: boolean;
  readonly requestBytes: number;
  readonly responseBytes: number;
  readonly durationMs: number;
  /** From the request's arrival to the response head. */
  readonly headMs: number | undefined;
  /** Spent waiting for a place at the endpoint that answered. */
  readonly queueMs: number;
  /** What became of the conversation's stickiness; undefined where there was none. */
  readonly stickyOutcome: Exclude<StickyOutcome, "disabled"> | undefined;
  readonly ending: Ending;
  readonly error: { readonly code: ErrorCode; readonly message: string } | undefined;
  readonly attempts: readonly AttemptRecord[];
  readonly decision: RoutingDecision | undefined;
  /** Absent for a request that every endpoint takes as it is. */
  readonly clientApi?: ClientApiOutcome | undefined;
  /** What the answer said about its tokens and times; absent where it said nothing or nobody asked. */
  readonly usage?: ProviderMetrics | undefined;
  /** Which of Olla's routes it came in by: a bounded set, fit for a label. */
  readonly route?: string;
  /** How its errors are written; absent for what Olla answers itself. */
  readonly dialect?: Dialect;
  /** Pieces in which a streamed body was handed to the client. */
  readonly writes?: number | undefined;
  readonly milestones?: Milestones | undefined;
  /** Absent where every candidate was asked when its turn came. */
  readonly heldBack?: readonly HeldBack[] | undefined;
  /** What routing made of each endpoint; put together only when asked, from what was known then. */
  readonly considered?: (() => readonly ConsideredEndpoint[]) | undefined;
  /** The trace that it belongs to; absent while requests are not traced. */
  readonly trace?: RequestTrace | undefined;
}
