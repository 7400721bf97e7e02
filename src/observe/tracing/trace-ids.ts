/** Made at once: many in one go take less time than each by itself, for which the system is asked once as well. */
const stockedIds = 64;

/** Random ids of some bytes, in hexadecimal. */
class IdStock {
  readonly #size: number;
  readonly #bytes: Buffer;
  readonly #none: string;
  readonly #ids: string[] = [];

  constructor(size: number) {
    this.#size = size;
    this.#bytes = Buffer.alloc(size * stockedIds);
    this.#none = "00".repeat(size);
  }

  take(): string {
    let id = this.#ids.pop();
    // All zeros mean "no id".
    while (id === undefined || id === this.#none) {
      if (this.#ids.length === 0) this.#fill();
      id = this.#ids.pop();
    }
    return id;
  }

  #fill(): void {
    crypto.getRandomValues(this.#bytes);
    for (let at = 0; at < this.#bytes.length; at += this.#size) {
      this.#ids.push(this.#bytes.toString("hex", at, at + this.#size));
    }
  }
}

/** Ids of W3C Trace Context, level 2: random, never all zeros. */
export class TraceIds {
  readonly #traces = new IdStock(16);
  readonly #spans = new IdStock(8);

  /** 32 hexadecimal digits. */
  traceId(): string {
    return this.#traces.take();
  }

  /** 16 of them. */
  spanId(): string {
    return this.#spans.take();
  }
}
