/** A share of the budget. It must be released, once or more often. */
export interface Reservation {
  /** Bytes reserved now. */
  readonly bytes: number;
  /** Reserves `bytes` more. False, and nothing changed, when they do not fit. */
  grow(bytes: number): boolean;
  /** Gives everything back. Later calls do nothing. */
  release(): void;
}

/** How many bytes of request bodies all requests together may hold for replay. */
export class BodyBudget {
  #maxBytes = Number.POSITIVE_INFINITY;
  #used = 0;

  /** @param maxBytes 0 = no limit */
  constructor(maxBytes: number) {
    this.limitTo(maxBytes);
  }

  /** From now on; what is held already stays. @param maxBytes 0 = no limit */
  limitTo(maxBytes: number): void {
    this.#maxBytes = maxBytes > 0 ? maxBytes : Number.POSITIVE_INFINITY;
  }

  get used(): number {
    return this.#used;
  }

  /** Undefined when the bytes do not fit now. */
  tryReserve(bytes: number): Reservation | undefined {
    if (!this.take(bytes)) return undefined;
    return new Share(this, bytes);
  }

  /** Of a share that grows. */
  take(bytes: number): boolean {
    if (this.#used + bytes > this.#maxBytes) return false;
    this.#used += bytes;
    return true;
  }

  giveBack(bytes: number): void {
    this.#used -= bytes;
  }
}

class Share implements Reservation {
  readonly #budget: BodyBudget;
  #held: number;
  #isReleased = false;

  constructor(budget: BodyBudget, bytes: number) {
    this.#budget = budget;
    this.#held = bytes;
  }

  get bytes(): number {
    return this.#held;
  }

  grow(bytes: number): boolean {
    if (this.#isReleased || !this.#budget.take(bytes)) return false;
    this.#held += bytes;
    return true;
  }

  release(): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    this.#budget.giveBack(this.#held);
    this.#held = 0;
  }
}
