import { concatBytes, toBytes, toText } from "./bytes.ts";

export interface MessageHead {
  /** Request or status line, as received. */
  readonly startLine: string;
  /** In order and spelling of the wire. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** First value under that name, whatever its case. */
  header(name: string): string | undefined;
}

export interface HttpMessage extends MessageHead {
  readonly body: Uint8Array;
  readonly text: string;
  /** The length of the whole message on the wire. */
  readonly wireBytes: number;
}

interface Body {
  readonly bytes: Uint8Array;
  /** Where in the buffer the body ends. */
  readonly endsAt: number;
}

const headEnd = toBytes("\r\n\r\n");

export function parseHead(received: Uint8Array): { head: MessageHead; endsAt: number } | undefined {
  const at = Buffer.from(received.buffer, received.byteOffset, received.length).indexOf(headEnd);
  if (at < 0) return undefined;
  const [startLine = "", ...lines] = toText(received.subarray(0, at)).split("\r\n");
  const headers = lines.map((line): readonly [string, string] => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon), line.slice(colon + 1).trim()];
  });
  const header = (name: string): string | undefined =>
    headers.find(([each]) => each.toLowerCase() === name.toLowerCase())?.[1];
  return { head: { startLine, headers, header }, endsAt: at + headEnd.length };
}

/** Undefined while the terminating chunk is missing. */
export function parseChunkedBody(received: Uint8Array, startsAt: number): Body | undefined {
  const buffer = Buffer.from(received.buffer, received.byteOffset, received.length);
  const parts: Uint8Array[] = [];
  let at = startsAt;
  for (;;) {
    const lineEnd = buffer.indexOf("\r\n", at);
    if (lineEnd < 0) return undefined;
    const size = Number.parseInt(buffer.toString("latin1", at, lineEnd), 16);
    if (Number.isNaN(size)) throw new Error(`not a chunk size: ${buffer.toString("latin1", at, lineEnd)}`);
    const contentAt = lineEnd + 2;
    if (size === 0) {
      const end = buffer.indexOf("\r\n", contentAt);
      return end < 0 ? undefined : { bytes: concatBytes(parts), endsAt: end + 2 };
    }
    if (buffer.length < contentAt + size + 2) return undefined;
    parts.push(received.subarray(contentAt, contentAt + size));
    at = contentAt + size + 2;
  }
}

/** The bytes of a chunked body as far as they arrived, complete or not. */
export function dechunkPartly(received: Uint8Array): Uint8Array {
  const buffer = Buffer.from(received.buffer, received.byteOffset, received.length);
  const parts: Uint8Array[] = [];
  let at = 0;
  for (;;) {
    const lineEnd = buffer.indexOf("\r\n", at);
    const size = lineEnd < 0 ? 0 : Number.parseInt(buffer.toString("latin1", at, lineEnd), 16);
    if (lineEnd < 0 || Number.isNaN(size) || size === 0) return concatBytes(parts);
    parts.push(received.subarray(lineEnd + 2, Math.min(lineEnd + 2 + size, received.length)));
    at = lineEnd + 2 + size + 2;
  }
}

function parseBody(head: MessageHead, received: Uint8Array, startsAt: number): Body | undefined {
  if (head.header("transfer-encoding")?.toLowerCase().includes("chunked")) {
    return parseChunkedBody(received, startsAt);
  }
  const endsAt = startsAt + Number(head.header("content-length") ?? 0);
  return received.length < endsAt ? undefined : { bytes: received.slice(startsAt, endsAt), endsAt };
}

/** The first whole message in the buffer, or undefined when more bytes are needed. */
export function parseMessage(received: Uint8Array, hasBody = true): HttpMessage | undefined {
  const parsed = parseHead(received);
  if (parsed === undefined) return undefined;
  const { head, endsAt } = parsed;
  const body = hasBody ? parseBody(head, received, endsAt) : { bytes: new Uint8Array(), endsAt };
  if (body === undefined) return undefined;
  return { ...head, body: body.bytes, text: toText(body.bytes), wireBytes: body.endsAt };
}

/** A gathering buffer that costs one copy per byte however many pieces arrive. */
export class ByteBuffer {
  #bytes = new Uint8Array(4096);
  #length = 0;

  append(piece: Uint8Array): void {
    const needed = this.#length + piece.length;
    if (needed > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
      larger.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = larger;
    }
    this.#bytes.set(piece, this.#length);
    this.#length = needed;
  }

  /** A view, good until the next change. */
  get view(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  get length(): number {
    return this.#length;
  }

  drop(count: number): void {
    this.#bytes.copyWithin(0, count, this.#length);
    this.#length -= count;
  }
}
