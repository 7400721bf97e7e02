/** Things that come and go all the time, in places that are used again: a `Set` takes three times as long. */
export class Slots<Thing extends object> {
  readonly #things: (Thing | undefined)[] = [];
  readonly #free: number[] = [];

  /** @returns the place, for `remove` */
  add(thing: Thing): number {
    const slot = this.#free.pop() ?? this.#things.length;
    this.#things[slot] = thing;
    return slot;
  }

  /** To be called once for each `add`. */
  remove(slot: number): void {
    this.#things[slot] = undefined;
    this.#free.push(slot);
  }

  get size(): number {
    return this.#things.length - this.#free.length;
  }

  /** A copy, in no order. */
  all(): Thing[] {
    return this.#things.filter((thing) => thing !== undefined);
  }
}
