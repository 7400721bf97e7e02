import type { Endpoint } from "../endpoints/endpoint.ts";
import type { EndpointStatus } from "../endpoints/endpoint-status.ts";

/** Somewhere this request may be sent: an endpoint and the model to ask it for. */
export interface Candidate {
  readonly endpoint: Endpoint;
  readonly status: EndpointStatus;
  /** The model to ask this endpoint for: the client's own spelling, or what an alias chose; undefined when the request names none. */
  readonly model: string | undefined;
  /** What must stand in the body instead of the client's text; absent where that text is right as it is. */
  readonly bodyModel?: string | undefined;
  /** Members for the body where the client did not set them. */
  readonly bodyDefaults?: Readonly<Record<string, unknown>> | undefined;
  /** Candidates with the lowest rank are used first, others while none of those has a place free. Absent: 0. */
  readonly rank?: number | undefined;
  /** Where candidates of one rank share the traffic by weight and not by endpoint: which share this one belongs to. */
  readonly share?: TrafficShare | undefined;
  /**
   * Another candidate of this rank and share suits the request better, and is chosen while it has a place free. A
   * conversation stays where it is all the same.
   */
  readonly isSecondChoice?: boolean | undefined;
  /** To be used only when the others that may be asked have had no place free for some time. */
  readonly isOverflow?: boolean | undefined;
}

/** One of several models that share the requests for an alias. Candidates of one share hold the same record. */
export interface TrafficShare {
  /** Above 0. */
  readonly weight: number;
}

/** How many requests are under way at an endpoint, streams included until their last byte. */
export interface ActiveConnections {
  of(endpointName: string): number;
  /** The count itself, which goes on changing: the same record for good. */
  counterOf(endpointName: string): { readonly count: number };
  /** At the endpoint that has most. */
  highest(): number;
}

export const balancerNames = ["priority", "round-robin", "least-connections"] as const;
export type BalancerName = (typeof balancerNames)[number];

/** Chooses among candidates that may all be used. Called once per attempt, with the failed ones left out. */
export interface Balancer {
  readonly name: BalancerName;
  /** `candidates` are in configuration order; equal input and state give an equal choice. */
  select(candidates: Candidates): Candidate;
}

/** At least one. */
export type Candidates = readonly [Candidate, ...Candidate[]];
