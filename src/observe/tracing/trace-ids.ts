/** Small, because an id that somebody keeps may keep all of its pool's text alive. */
const poolBytes = 1024;
const zeros = "0".repeat(32);

/** Random ids in hexadecimal. Asks the system for its randomness in larger pieces. */
export class TraceIds {
  readonly #pool = new Uint8Array(poolBytes);
  #text = "";
  #used = 0;

  traceId(): string {
    return this.#take(32);
  }

  spanId(): string {
    return this.#take(16);
  }

  #take(digits: number): string {
    if (this.#used + digits > this.#text.length) {
      this.#text = crypto.getRandomValues(this.#pool).toHex();
      this.#used = 0;
    }
    const id = this.#text.slice(this.#used, this.#used + digits);
    this.#used += digits;
    // All zeros mean "no id".
    return zeros.startsWith(id) ? this.#take(digits) : id;
  }
}
