import type { ActiveConnections } from "./balancer.ts";

/**
 * Requests under way, per endpoint name. Kept apart from statistics, because those may be dropped while a stream
 * is still running.
 */
export class ConnectionCounts implements ActiveConnections {
  readonly #counters = new Map<string, { count: number }>();
  /** How many endpoints have so many, by that number; from 1 on. */
  readonly #endpointsWith: number[] = [];
  #highest = 0;

  /** Counts one request at the endpoint until the returned function is called; further calls of it do nothing. */
  acquire(endpointName: string): () => void {
    const held = this.counterOf(endpointName);
    this.#move(held, held.count + 1);
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      this.#move(held, held.count - 1);
    };
  }

  /** Kept at zero, too: it comes and goes with every request. */
  counterOf(endpointName: string): { count: number } {
    let counter = this.#counters.get(endpointName);
    if (counter === undefined) {
      counter = { count: 0 };
      this.#counters.set(endpointName, counter);
    }
    return counter;
  }

  of(endpointName: string): number {
    return this.#counters.get(endpointName)?.count ?? 0;
  }

  /** At the endpoint that has most. */
  highest(): number {
    return this.#highest;
  }

  /** A copy: endpoints with at least one request under way. */
  census(): ReadonlyMap<string, number> {
    const busy = [...this.#counters].filter(([, { count }]) => count > 0);
    return new Map(busy.map(([name, { count }]) => [name, count]));
  }

  /** One up or down. */
  #move(counter: { count: number }, count: number): void {
    const { count: before } = counter;
    const endpoints = this.#endpointsWith;
    counter.count = count;
    endpoints[count] = (endpoints[count] ?? 0) + 1;
    endpoints[before] = (endpoints[before] ?? 0) - 1;
    if (count > this.#highest) this.#highest = count;
    else if (before === this.#highest && (endpoints[before] ?? 0) <= 0) this.#highest = count;
  }
}
