const exactLimit = 128;
const registerBits = 10;
const registerCount = 2 ** registerBits;
/** HyperLogLog's correction for this number of registers. */
const bias = 0.7213 / (1 + 1.079 / registerCount);

/**
 * How many different clients there were: exactly up to 128, from then on an estimate (HyperLogLog) that is within some
 * 3 %. Takes about a kilobyte, however many there are, and remembers no address.
 */
export class UniqueClients {
  #exact: Set<number> | undefined = new Set();
  #registers: Uint8Array | undefined;
  #last = "";

  add(client: string): void {
    // Mostly it is the same one again.
    if (client === this.#last) return;
    this.#last = client;
    const hash = hashOf(client);
    if (this.#exact !== undefined) {
      this.#exact.add(hash);
      if (this.#exact.size > exactLimit) this.#pour(this.#exact);
      return;
    }
    this.#note(hash);
  }

  count(): number {
    if (this.#exact !== undefined) return this.#exact.size;
    let sum = 0;
    let empty = 0;
    for (const register of this.#registers ?? []) {
      sum += 2 ** -register;
      if (register === 0) empty += 1;
    }
    const estimate = (bias * registerCount ** 2) / sum;
    const isFew = estimate <= 2.5 * registerCount && empty > 0;
    return Math.round(isFew ? registerCount * Math.log(registerCount / empty) : estimate);
  }

  #pour(hashes: Set<number>): void {
    this.#registers = new Uint8Array(registerCount);
    this.#exact = undefined;
    for (const hash of hashes) this.#note(hash);
  }

  #note(hash: number): void {
    const registers = this.#registers;
    if (registers === undefined) return;
    const index = hash >>> (32 - registerBits);
    const rank = Math.clz32((hash << registerBits) | (registerCount - 1)) + 1;
    if ((registers[index] ?? 0) < rank) registers[index] = rank;
  }
}

/** FNV-1a over UTF-16 units, mixed once more so that addresses that differ in their last digit are far apart. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
