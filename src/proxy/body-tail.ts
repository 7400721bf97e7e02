/** As much of a relayed body as was kept. The views are valid until the next `push`. */
export interface KeptBody {
  /** The end of the body, or all of it. */
  readonly tail: Uint8Array;
  readonly isWhole: boolean;
  /** The first bytes of a body of which the tail does not begin at the start, where it begins like `message_start`. */
  readonly head: Uint8Array | undefined;
}

const smallestBytes = 2 * 1024;
/** A buffer that takes a segment and the event that goes beyond it. */
const firstBytes = 3 * 1024;
/** Of a body made of events so much is enough: the last few of them say all that is to be known. */
const segmentBytes = 2 * 1024;
/** A buffer that a long event has made larger is not used again. */
const reusedBytes = 8 * 1024;
const defaultLimitBytes = 64 * 1024;
const headBytes = 4 * 1024;
const headProbeBytes = 512;
const opening = new TextEncoder().encode("message_start");

/**
 * Keeps the last bytes of a body that passes by. They are copied, into one buffer that grows up to the limit: a chunk of
 * some hundred bytes costs less to copy than to keep alive, and the relay's chunks die young. Of a body made of events
 * only the last two segments are kept, of two kibibytes or one event each, in two buffers that are used in turn: thousands
 * of streams at once would else fill the memory with what nobody reads.
 */
export class BodyTail {
  readonly #limit: number;
  readonly #hasEvents: boolean;
  /** The segment before the one in `#buffer`. */
  #earlier: Uint8Array | undefined;
  #earlierEnd = 0;
  #hasDropped = false;
  #buffer: Uint8Array | undefined;
  /** Where the next byte goes; only a full buffer of the largest size wraps around. */
  #end = 0;
  #hasWrapped = false;
  #head: Uint8Array | undefined;

  /** @param hasEvents whether the body consists of events or lines that each say something for themselves */
  constructor(hasEvents: boolean, limitBytes = defaultLimitBytes) {
    this.#hasEvents = hasEvents;
    this.#limit = Math.max(smallestBytes, limitBytes);
  }

  /** Called for every piece as it came from the endpoint, in order. Keeps no reference to it. */
  push(chunk: Uint8Array): void {
    const end = this.#end + chunk.length;
    if (this.#buffer === undefined || end > this.#buffer.length) {
      this.#pushBeyond(chunk);
      return;
    }
    this.#buffer.set(chunk, this.#end);
    this.#end = end;
    if (end >= segmentBytes && this.#hasEvents && chunk[chunk.length - 1] === lineFeed) this.#turn();
  }

  /** Called once, when the body has ended. */
  read(): KeptBody {
    const buffer = this.#buffer ?? new Uint8Array(0);
    if (!this.#hasWrapped) {
      const current = buffer.subarray(0, this.#end);
      const earlier = this.#earlier?.subarray(0, this.#earlierEnd);
      const tail = earlier === undefined ? current : Buffer.concat([earlier, current]);
      return { tail, isWhole: !this.#hasDropped, head: this.#hasDropped ? this.#head : undefined };
    }
    const tail = new Uint8Array(buffer.length);
    tail.set(buffer.subarray(this.#end));
    tail.set(buffer.subarray(0, this.#end), buffer.length - this.#end);
    return { tail, isWhole: false, head: this.#head };
  }

  #pushBeyond(chunk: Uint8Array): void {
    const limit = this.#limit;
    const needed = this.#end + chunk.length;
    if (!this.#hasWrapped && needed <= limit) {
      const grown = new Uint8Array(Math.min(limit, Math.max(firstBytes, needed, 4 * this.#end)));
      if (this.#buffer !== undefined) grown.set(this.#buffer.subarray(0, this.#end));
      grown.set(chunk, this.#end);
      this.#buffer = grown;
      this.#end = needed;
      return;
    }
    this.#wrap(chunk);
  }

  /** An event has ended, and enough is there: what comes next goes into the other buffer. */
  #turn(): void {
    if (this.#hasWrapped) return;
    if (this.#earlier === undefined) this.#keepHead(nothing);
    else this.#hasDropped = true;
    const free = this.#earlier;
    this.#earlier = this.#buffer;
    this.#earlierEnd = this.#end;
    this.#buffer = free !== undefined && free.length <= reusedBytes ? free : undefined;
    this.#end = 0;
  }

  #wrap(chunk: Uint8Array): void {
    const limit = this.#limit;
    if (!this.#hasWrapped && this.#earlier === undefined) this.#keepHead(chunk);
    this.#earlier = undefined;
    this.#hasWrapped = true;
    let buffer = this.#buffer;
    if (buffer === undefined || buffer.length < limit) {
      const grown = new Uint8Array(limit);
      if (buffer !== undefined) grown.set(buffer.subarray(0, this.#end));
      buffer = grown;
      this.#buffer = grown;
    }
    const kept = chunk.length > limit ? chunk.subarray(chunk.length - limit) : chunk;
    const room = limit - this.#end;
    buffer.set(kept.subarray(0, room), this.#end);
    if (kept.length > room) buffer.set(kept.subarray(room), 0);
    this.#end = (this.#end + kept.length) % limit;
  }

  /** The last moment at which the body's first bytes are still here, at the buffer's beginning or in this chunk. */
  #keepHead(chunk: Uint8Array): void {
    const head = new Uint8Array(headBytes);
    const known = this.#buffer?.subarray(0, Math.min(this.#end, headBytes)) ?? new Uint8Array(0);
    head.set(known);
    head.set(chunk.subarray(0, headBytes - known.length), known.length);
    const length = Math.min(headBytes, known.length + chunk.length);
    if (includes(head.subarray(0, headProbeBytes), opening)) this.#head = head.subarray(0, length);
  }
}

const lineFeed = 0x0a;
const nothing = new Uint8Array(0);

function includes(bytes: Uint8Array, sought: Uint8Array): boolean {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).includes(sought);
}
