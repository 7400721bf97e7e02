/**
 * Waiting lines, one for each endpoint, with one order of arrival over all of them. A waiter may stand in several lines
 * at once and leaves them together, so whoever is first in a line is the one who has waited longest for that endpoint.
 */
export class WaitingLines<Waiter> {
  readonly #lines = new Map<string, Set<Waiter>>();
  readonly #placesOf = new Map<Waiter, Set<string>>();

  /** Stands at the end of each of these lines, too. */
  join(waiter: Waiter, endpointNames: Iterable<string>): void {
    const places = this.#placesOf.get(waiter) ?? new Set();
    this.#placesOf.set(waiter, places);
    for (const name of endpointNames) {
      places.add(name);
      const line = this.#lines.get(name);
      if (line === undefined) this.#lines.set(name, new Set([waiter]));
      else line.add(waiter);
    }
  }

  /** Gives up every place of the waiter; one that holds none is left alone. */
  leave(waiter: Waiter): void {
    for (const name of this.#placesOf.get(waiter) ?? []) this.#leaveLine(waiter, name);
    this.#placesOf.delete(waiter);
  }

  first(endpointName: string): Waiter | undefined {
    return this.#lines.get(endpointName)?.values().next().value;
  }

  /** How many stand in the line of this endpoint. */
  depth(endpointName: string): number {
    return this.#lines.get(endpointName)?.size ?? 0;
  }

  /** How many wait, each counted once. */
  size(): number {
    return this.#placesOf.size;
  }

  /** Names of the endpoints that somebody waits for. */
  names(): readonly string[] {
    return [...this.#lines.keys()];
  }

  /** Closes every line but these. @returns those who have no place left; they are forgotten */
  retain(endpointNames: ReadonlySet<string>): readonly Waiter[] {
    const displaced: Waiter[] = [];
    for (const [name, line] of this.#lines) {
      if (endpointNames.has(name)) continue;
      this.#lines.delete(name);
      for (const waiter of line) {
        const places = this.#placesOf.get(waiter);
        places?.delete(name);
        if (places?.size !== 0) continue;
        this.#placesOf.delete(waiter);
        displaced.push(waiter);
      }
    }
    return displaced;
  }

  #leaveLine(waiter: Waiter, name: string): void {
    const line = this.#lines.get(name);
    line?.delete(waiter);
    if (line?.size === 0) this.#lines.delete(name);
  }
}
