const utf8 = new TextEncoder();
const nothing = new Uint8Array();
/** From here on the runtime copies faster than a loop does. */
const shortText = 96;

/** Values of hexadecimal digits, by their code. */
const digits = Uint8Array.from({ length: 128 }, (_, code) => (code > 57 ? code - 87 : code - 48));

/** The parts of an attribute that never change: its name, as a field of `KeyValue`. */
export type AttributeKey = Uint8Array;

export function attributeKey(name: string): AttributeKey {
  const bytes = utf8.encode(name);
  return Uint8Array.from([0x0a, bytes.length, ...bytes]);
}

/**
 * Writes the protobuf of OTLP's `ScopeSpans.spans` into one buffer that grows. Numbers of fields and types are those of
 * `opentelemetry/proto/trace/v1/trace.proto` and `common/v1/common.proto`.
 */
export class SpanWriter {
  #bytes: Uint8Array<ArrayBuffer> = nothing;
  #view = new DataView(this.#bytes.buffer);
  readonly #headRoom: number;
  #length: number;

  /** @param headRoom bytes that are left free in front of what is written */
  constructor(headRoom = 0) {
    this.#headRoom = headRoom;
    this.#length = headRoom;
  }

  /** Of what was written. */
  get length(): number {
    return this.#length - this.#headRoom;
  }

  /** Valid until the next write. */
  written(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(this.#headRoom, this.#length);
  }

  /**
   * Gives away what was written, and begins anew.
   * @param head goes in front of it; no longer than the room that was left
   * @param next to be written into from now on, once it is somebody's no longer
   */
  take(head: Uint8Array, next: ArrayBuffer): Uint8Array<ArrayBuffer> {
    this.#reserve(0);
    const start = this.#headRoom - head.length;
    this.#bytes.set(head, start);
    const taken = this.#bytes.subarray(start, this.#length);
    this.#bytes = new Uint8Array(next);
    this.#view = new DataView(next);
    this.#length = this.#headRoom;
    return taken;
  }

  /** Begins field 2 of `ScopeSpans`. @returns what `endSpan` needs */
  beginSpan(): number {
    this.#reserve(3);
    this.#bytes[this.#length] = 0x12;
    this.#length += 3;
    return this.#length;
  }

  endSpan(beganAt: number): void {
    const length = this.#length - beganAt;
    if (length < 1 << 14) {
      this.#bytes[beganAt - 2] = (length & 0x7f) | 0x80;
      this.#bytes[beganAt - 1] = length >>> 7;
      return;
    }
    const more = varintSize(length) - 2;
    this.#reserve(more);
    this.#bytes.copyWithin(beganAt + more, beganAt, this.#length);
    const end = this.#length + more;
    this.#length = beganAt - 2;
    this.#varint(length);
    this.#length = end;
  }

  /** @param hex of 16 or 8 bytes */
  id(tag: number, hex: string): void {
    const size = hex.length >>> 1;
    this.#reserve(size + 2);
    const bytes = this.#bytes;
    let at = this.#length;
    bytes[at++] = tag;
    bytes[at++] = size;
    for (let index = 0; index < hex.length; index += 2) {
      bytes[at++] = ((digits[hex.charCodeAt(index)] ?? 0) << 4) | (digits[hex.charCodeAt(index + 1)] ?? 0);
    }
    this.#length = at;
  }

  text(tag: number, text: string): void {
    this.#reserve(text.length * 3 + 6);
    this.#bytes[this.#length++] = tag;
    this.#text(text);
  }

  number(tag: number, value: number): void {
    this.#reserve(11);
    this.#bytes[this.#length++] = tag;
    this.#varint(value);
  }

  /** @param wallMs milliseconds since the epoch, kept to the microsecond */
  time(tag: number, wallMs: number): void {
    this.#reserve(9);
    this.#bytes[this.#length] = tag;
    const microseconds = Math.round(wallMs * 1000);
    const upper = Math.floor(microseconds / 2 ** 32);
    const low = (microseconds - upper * 2 ** 32) * 1000;
    const carry = Math.floor(low / 2 ** 32);
    this.#view.setUint32(this.#length + 1, low - carry * 2 ** 32, true);
    this.#view.setUint32(this.#length + 5, upper * 1000 + carry, true);
    this.#length += 9;
  }

  fixed32(tag: number, value: number): void {
    this.#reserve(6);
    // Tags of fields from 16 on have two bytes.
    this.#varint(tag);
    this.#view.setUint32(this.#length, value, true);
    this.#length += 4;
  }

  /** What another writer has written. */
  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  textAttribute(key: AttributeKey, value: string): void {
    this.#reserve(key.length + value.length * 3 + 20);
    const began = this.#length;
    const { length } = value;
    const anySize = 1 + varintSize(length) + length;
    this.#attribute(key, anySize);
    this.#bytes[this.#length++] = 0x0a;
    if (this.#ascii(value)) return;
    // Its size in UTF-8 is another one than that of the text, so everything before it is wrong as well.
    const bytes = utf8.encode(value);
    this.#length = began;
    this.#attribute(key, 1 + varintSize(bytes.length) + bytes.length);
    this.#bytes[this.#length++] = 0x0a;
    this.#varint(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  intAttribute(key: AttributeKey, value: number): void {
    this.#reserve(key.length + 20);
    this.#attribute(key, 1 + varintSize(value));
    this.#bytes[this.#length++] = 0x18;
    this.#varint(value);
  }

  doubleAttribute(key: AttributeKey, value: number): void {
    this.#reserve(key.length + 20);
    this.#attribute(key, 9);
    this.#bytes[this.#length++] = 0x21;
    this.#view.setFloat64(this.#length, value, true);
    this.#length += 8;
  }

  trueAttribute(key: AttributeKey): void {
    this.#reserve(key.length + 20);
    this.#attribute(key, 2);
    this.#bytes[this.#length++] = 0x10;
    this.#bytes[this.#length++] = 1;
  }

  /** A list of one text. */
  listAttribute(key: AttributeKey, item: string): void {
    const bytes = utf8.encode(item);
    this.#reserve(key.length + bytes.length + 40);
    const itemSize = 1 + varintSize(bytes.length) + bytes.length;
    const listSize = 1 + varintSize(itemSize) + itemSize;
    this.#attribute(key, 1 + varintSize(listSize) + listSize);
    this.#bytes[this.#length++] = 0x2a;
    this.#varint(listSize);
    this.#bytes[this.#length++] = 0x0a;
    this.#varint(itemSize);
    this.#bytes[this.#length++] = 0x0a;
    this.#varint(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** `Span.attributes`, up to the content of the value. */
  #attribute(key: AttributeKey, anySize: number): void {
    this.#bytes[this.#length++] = 0x4a;
    this.#varint(key.length + 1 + varintSize(anySize) + anySize);
    this.#bytes.set(key, this.#length);
    this.#length += key.length;
    this.#bytes[this.#length++] = 0x12;
    this.#varint(anySize);
  }

  #text(text: string): void {
    const began = this.#length;
    if (this.#ascii(text)) return;
    const bytes = utf8.encode(text);
    this.#length = began;
    this.#varint(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** Writes a length and a text of ASCII; leaves anything else half done and says so. */
  #ascii(text: string): boolean {
    const { length } = text;
    this.#varint(length);
    const at = this.#length;
    const bytes = this.#bytes;
    if (length > shortText) {
      const { read, written } = utf8.encodeInto(text, bytes.subarray(at, at + length));
      if (read !== length || written !== length) return false;
    } else {
      for (let index = 0; index < length; index += 1) {
        const code = text.charCodeAt(index);
        if (code > 0x7f) return false;
        bytes[at + index] = code;
      }
    }
    this.#length = at + length;
    return true;
  }

  #varint(value: number): void {
    let rest = value;
    while (rest > 0x7f) {
      this.#bytes[this.#length++] = (rest & 0x7f) | 0x80;
      rest = rest < 2 ** 31 ? rest >>> 7 : Math.floor(rest / 128);
    }
    this.#bytes[this.#length++] = rest;
  }

  #reserve(bytes: number): void {
    const needed = this.#length + bytes;
    if (needed > this.#bytes.length) this.#resize(Math.max(needed, this.#bytes.length * 2, 4096));
  }

  #resize(size: number): void {
    const bytes = new Uint8Array(size);
    bytes.set(this.#bytes.subarray(0, Math.min(this.#length, size)));
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer);
  }
}

export function varintSize(value: number): number {
  let size = 1;
  for (let limit = 128; value >= limit; limit *= 128) size += 1;
  return size;
}
