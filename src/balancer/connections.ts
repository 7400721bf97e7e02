import type { ActiveConnections } from "./balancer.ts";

/**
 * Requests under way, per endpoint name. Kept apart from statistics, because those may be dropped while a stream
 * is still running.
 */
export class ConnectionCounts implements ActiveConnections {
  readonly #counts = new Map<string, number>();
  #total = 0;

  /** Counts one request at the endpoint until the returned function is called; further calls of it do nothing. */
  acquire(endpointName: string): () => void {
    this.#counts.set(endpointName, this.of(endpointName) + 1);
    this.#total += 1;
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      this.#release(endpointName);
    };
  }

  of(endpointName: string): number {
    return this.#counts.get(endpointName) ?? 0;
  }

  /** Over all endpoints. */
  total(): number {
    return this.#total;
  }

  /** A copy: endpoints with at least one request under way. */
  census(): ReadonlyMap<string, number> {
    return new Map(this.#counts);
  }

  #release(endpointName: string): void {
    this.#total -= 1;
    const left = this.of(endpointName) - 1;
    if (left > 0) this.#counts.set(endpointName, left);
    else this.#counts.delete(endpointName);
  }
}
