import type { Endpoint } from "../endpoints/endpoint.ts";
import type { EndpointStatus } from "../endpoints/endpoint-status.ts";

/** Somewhere this request may be sent: an endpoint and the model to ask it for. */
export interface Candidate {
  readonly endpoint: Endpoint;
  readonly status: EndpointStatus;
  /** The model to ask this endpoint for: the client's own spelling, or what an alias chose; undefined when the request names none. */
  readonly model: string | undefined;
}

/** How many requests are under way at an endpoint, streams included until their last byte. */
export interface ActiveConnections {
  of(endpointName: string): number;
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
