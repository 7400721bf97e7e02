const headEnd = Buffer.from("\r\n\r\n");
const lineEnd = Buffer.from("\r\n");

/** Splits the bytes of a kept-alive connection into messages, without keeping bodies. Throws on what is no HTTP. */
export class HttpReader {
  #pending: Buffer = Buffer.alloc(0);
  #state: "head" | "length" | "chunk-size" | "chunk" | "chunk-end" | "trailer" = "head";
  #left = 0;
  readonly #onHead: (head: string) => void;
  readonly #onBody: (piece: Buffer) => void;
  readonly #onEnd: () => void;

  constructor(handlers: {
    onHead: (head: string) => void;
    onBody: (piece: Buffer) => void;
    onEnd: () => void;
  }) {
    this.#onHead = handlers.onHead;
    this.#onBody = handlers.onBody;
    this.#onEnd = handlers.onEnd;
  }

  feed(piece: Buffer): void {
    this.#pending = this.#pending.length === 0 ? piece : Buffer.concat([this.#pending, piece]);
    while (this.#advance()) {}
  }

  /** One step; false when more bytes are needed. */
  #advance(): boolean {
    switch (this.#state) {
      case "head":
        return this.#readHead();
      case "length":
      case "chunk":
        return this.#readBody();
      case "chunk-size":
        return this.#readChunkSize();
      case "chunk-end":
        return this.#skipLine("chunk-size");
      case "trailer":
        return this.#skipLine("head");
    }
  }

  #readHead(): boolean {
    const at = this.#pending.indexOf(headEnd);
    if (at < 0) return false;
    const head = this.#pending.toString("latin1", 0, at).toLowerCase();
    this.#pending = this.#pending.subarray(at + headEnd.length);
    this.#onHead(head);
    if (head.includes("\r\ntransfer-encoding: chunked")) {
      this.#state = "chunk-size";
      return true;
    }
    this.#left = Number(/\r\ncontent-length: *(\d+)/.exec(head)?.[1] ?? 0);
    this.#state = "length";
    if (this.#left === 0) this.#end();
    return true;
  }

  #readBody(): boolean {
    if (this.#pending.length === 0) return false;
    const piece = this.#pending.subarray(0, this.#left);
    this.#pending = this.#pending.subarray(piece.length);
    this.#left -= piece.length;
    this.#onBody(piece);
    if (this.#left > 0) return false;
    if (this.#state === "chunk") this.#state = "chunk-end";
    else this.#end();
    return true;
  }

  #readChunkSize(): boolean {
    const at = this.#pending.indexOf(lineEnd);
    if (at < 0) return false;
    this.#left = Number.parseInt(this.#pending.toString("latin1", 0, at), 16);
    if (Number.isNaN(this.#left)) throw new Error("not a chunk size");
    this.#pending = this.#pending.subarray(at + lineEnd.length);
    this.#state = this.#left === 0 ? "trailer" : "chunk";
    return true;
  }

  #skipLine(next: "chunk-size" | "head"): boolean {
    if (this.#pending.length < lineEnd.length) return false;
    this.#pending = this.#pending.subarray(lineEnd.length);
    if (next === "head") this.#end();
    else this.#state = next;
    return true;
  }

  #end(): void {
    this.#state = "head";
    this.#onEnd();
  }
}
