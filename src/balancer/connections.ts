import type { ActiveConnections } from "./balancer.ts";

/**
 * Requests under way, per endpoint name. Kept apart from statistics, because those may be dropped while a stream
 * is still running.
 */
export class ConnectionCounts implements ActiveConnections {
  readonly #counters = new Map<string, { count: number }>();
  #total = 0;

  /** Counts one request at the endpoint until the returned function is called; further calls of it do nothing. */
  acquire(endpointName: string): () => void {
    // Kept at zero, too: it comes and goes with every request.
    let counter = this.#counters.get(endpointName);
    if (counter === undefined) {
      counter = { count: 0 };
      this.#counters.set(endpointName, counter);
    }
    const held = counter;
    held.count += 1;
    this.#total += 1;
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      held.count -= 1;
      this.#total -= 1;
    };
  }

  of(endpointName: string): number {
    return this.#counters.get(endpointName)?.count ?? 0;
  }

  /** Over all endpoints. */
  total(): number {
    return this.#total;
  }

  /** A copy: endpoints with at least one request under way. */
  census(): ReadonlyMap<string, number> {
    const busy = [...this.#counters].filter(([, { count }]) => count > 0);
    return new Map(busy.map(([name, { count }]) => [name, count]));
  }
}
