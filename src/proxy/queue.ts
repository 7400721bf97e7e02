import { FairLine, type Sender, type TurnContext } from "./fair-line.ts";

interface Places {
  readonly sender: Sender;
  readonly names: Set<string>;
}

/**
 * Waiting lines, one for each endpoint. A waiter may stand in several lines at once and leaves them together. Each line
 * serves its clients in turn, and each client in the order in which his requests came.
 */
export class WaitingLines<Waiter> {
  readonly #lines = new Map<string, FairLine<Waiter>>();
  readonly #placesOf = new Map<Waiter, Places>();
  #order = 0;

  /** Stands in each of these lines, too. @param now monotonic milliseconds */
  join(waiter: Waiter, endpointNames: Iterable<string>, sender: Sender, now: number): void {
    const places = this.#placesOf.get(waiter) ?? { sender, names: new Set() };
    this.#placesOf.set(waiter, places);
    const standing = { order: this.#nextOrder(), joinedAt: now };
    for (const name of endpointNames) {
      places.names.add(name);
      let line = this.#lines.get(name);
      if (line === undefined) {
        line = new FairLine();
        this.#lines.set(name, line);
      }
      line.join(waiter, sender, standing);
    }
  }

  /** Gives up every place of the waiter; one that holds none is left alone. */
  leave(waiter: Waiter): void {
    const places = this.#placesOf.get(waiter);
    if (places === undefined) return;
    this.#placesOf.delete(waiter);
    for (const name of places.names) {
      const line = this.#lines.get(name);
      line?.leave(waiter, places.sender);
      if (line?.depth === 0) this.#lines.delete(name);
    }
  }

  /** Whose turn it is at this endpoint. He has left all his lines when this returns. */
  take(endpointName: string, context: TurnContext): Waiter | undefined {
    const waiter = this.#lines.get(endpointName)?.next(context);
    if (waiter !== undefined) this.leave(waiter);
    return waiter;
  }

  /** A client has given back a place at this endpoint. */
  noteReleased(endpointName: string, client: string): void {
    this.#lines.get(endpointName)?.noteReleased(client, this.#nextOrder());
  }

  /** Who has to go for the sake of this client, where others fill the line; undefined where none takes too much of it. */
  excess(endpointName: string, client: string): Waiter | undefined {
    return this.#lines.get(endpointName)?.excess(client);
  }

  /** How many stand in the line of this endpoint. */
  depth(endpointName: string): number {
    return this.#lines.get(endpointName)?.depth ?? 0;
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
      for (const waiter of line.waiters()) {
        const places = this.#placesOf.get(waiter);
        places?.names.delete(name);
        if (places?.names.size !== 0) continue;
        this.#placesOf.delete(waiter);
        displaced.push(waiter);
      }
    }
    return displaced;
  }

  #nextOrder(): number {
    this.#order += 1;
    return this.#order;
  }
}
