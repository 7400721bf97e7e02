const digits = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));
const poolBytes = 4096;

/** Random ids in hexadecimal. Asks the system for its randomness in large pieces. */
export class TraceIds {
  readonly #pool = new Uint8Array(poolBytes);
  #used = poolBytes;

  traceId(): string {
    return this.#take(16);
  }

  spanId(): string {
    return this.#take(8);
  }

  #take(bytes: number): string {
    if (this.#used + bytes > poolBytes) {
      crypto.getRandomValues(this.#pool);
      this.#used = 0;
    }
    let id = "";
    let seen = 0;
    for (const end = this.#used + bytes; this.#used < end; this.#used += 1) {
      const byte = this.#pool[this.#used] ?? 0;
      seen |= byte;
      id += digits[byte];
    }
    // All zeros mean "no id".
    return seen === 0 ? this.#take(bytes) : id;
  }
}
