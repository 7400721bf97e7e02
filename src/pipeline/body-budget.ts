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
  readonly #maxBytes: number;
  #used = 0;

  /** @param maxBytes 0 = no limit */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes > 0 ? maxBytes : Number.POSITIVE_INFINITY;
  }

  get used(): number {
    return this.#used;
  }

  /** Undefined when the bytes do not fit now. */
  tryReserve(bytes: number): Reservation | undefined {
    if (!this.#take(bytes)) return undefined;
    let held = bytes;
    let isReleased = false;
    return {
      get bytes() {
        return held;
      },
      grow: (more) => {
        if (isReleased || !this.#take(more)) return false;
        held += more;
        return true;
      },
      release: () => {
        if (isReleased) return;
        isReleased = true;
        this.#used -= held;
        held = 0;
      },
    };
  }

  #take(bytes: number): boolean {
    if (this.#used + bytes > this.#maxBytes) return false;
    this.#used += bytes;
    return true;
  }
}
