import type { Candidate } from "../balancer/balancer.ts";
import { leaveOut } from "../balancer/candidate-lists.ts";
import type { BreakerSettings } from "../endpoints/circuit-breaker.ts";
import type { Clock } from "../lib/clock.ts";
import type { BreakerBlock, BreakerPass, BreakerTransition, EndpointBreakerStatus } from "./breaker.ts";
import { type BreakerContext, EndpointBreakers } from "./endpoint-breakers.ts";

/** `failureRate` 0 is off. */
export type BreakerSetSettings = Required<BreakerSettings>;

export interface BreakerSetOptions {
  readonly settings: BreakerSetSettings;
  readonly clock: Clock;
  /** Called after the change; for logs and counters, so it must not throw. */
  readonly onTransition: (change: BreakerTransition) => void;
}

const neverTried: EndpointBreakerStatus = { state: "closed", retryAt: undefined, models: [] };

/**
 * The circuit breakers for traffic: one per endpoint, and one per endpoint and model where a model fails. Connection
 * failures and timeouts count for the endpoint; server errors and broken streams for the model that was asked for, and
 * for the endpoint too when no model was named or two of its models are blocked at once. A success clears both.
 * Model names ignore case. Sources: issue "Both engines under failure", proxying.md §13 with D12, D27, D30, D31.
 */
export class BreakerSet {
  readonly #context: BreakerContext;
  readonly #endpoints = new Map<string, EndpointBreakers>();
  /** Those with a breaker that is not closed: mostly none. */
  readonly #blocking = new Set<string>();

  constructor({ settings, clock, onTransition }: BreakerSetOptions) {
    this.#context = {
      settings,
      clock,
      onTransition: (change) => {
        this.#noteChange(change.endpoint);
        onTransition(change);
      },
    };
  }

  /** Those that would be admitted now. The very same list when that is all of them. */
  unblocked(candidates: readonly Candidate[]): readonly Candidate[] {
    return leaveOut(
      candidates,
      this.#blocking,
      ({ endpoint, model }) => this.blockOf(endpoint.name, model) !== undefined,
    );
  }

  /** Why this candidate would not be admitted now, or `undefined`. Changes nothing. */
  blockOf(endpointName: string, model: string | undefined): BreakerBlock | undefined {
    return this.#endpoints.get(endpointName)?.blockOf(model);
  }

  /** Leave for one attempt, from both breakers or from neither. A half-open one admits one attempt at a time. */
  admit(endpointName: string, model: string | undefined): BreakerPass | undefined {
    return this.#of(endpointName).admit(model);
  }

  /** A plain 500: counts if a probe made afterwards fails too. At most 100 are remembered per endpoint. */
  noteSuspicion(endpointName: string, model: string | undefined): void {
    this.#of(endpointName).noteSuspicion(model);
  }

  /**
   * A probe has ended: what was suspected before it began counts now, or is forgotten. `probeStartedAt` is monotonic;
   * without it everything noted so far is settled.
   */
  settleSuspicion(
    endpointName: string,
    hasProbeFailed: boolean,
    probeStartedAt: number = this.#context.clock.now(),
  ): void {
    this.#endpoints.get(endpointName)?.settleSuspicion(hasProbeFailed, probeStartedAt);
  }

  stateOf(endpointName: string): EndpointBreakerStatus {
    return this.#endpoints.get(endpointName)?.status() ?? neverTried;
  }

  /** Endpoints whose own breaker lets nothing through until its time is over. */
  openEndpoints(): number {
    let open = 0;
    for (const endpoint of this.#endpoints.values()) if (endpoint.isOpen()) open += 1;
    return open;
  }

  /** Forgets every other endpoint. One whose URL has changed is a new one: leave its name out. */
  retainEndpoints(names: Iterable<string>): void {
    const kept = new Set(names);
    for (const [name, endpoint] of this.#endpoints) {
      if (kept.has(name)) continue;
      endpoint.retire();
      this.#endpoints.delete(name);
      this.#blocking.delete(name);
    }
  }

  /** How much is remembered. */
  census(): { readonly endpoints: number; readonly models: number } {
    let models = 0;
    for (const endpoint of this.#endpoints.values()) models += endpoint.modelCount;
    return { endpoints: this.#endpoints.size, models };
  }

  #noteChange(endpointName: string): void {
    const isQuiet = this.#endpoints.get(endpointName)?.areAllClosed() ?? true;
    if (isQuiet) this.#blocking.delete(endpointName);
    else this.#blocking.add(endpointName);
  }

  #of(endpointName: string): EndpointBreakers {
    const known = this.#endpoints.get(endpointName);
    if (known !== undefined) return known;
    const created = new EndpointBreakers(endpointName, this.#context);
    this.#endpoints.set(endpointName, created);
    return created;
  }
}
