const encoder = new TextEncoder();

/** 32-bit FNV-1a of the bytes (text as UTF-8), as an unsigned number. For short stable ids, not for security. */
export function fnv1a32(input: string | Uint8Array): number {
  let hash = 0x811c9dc5;
  for (const byte of toBytes(input)) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}

/** 64-bit FNV-1a of the bytes (text as UTF-8), as 16 lower-case hex digits. */
export function fnv1a64Hex(input: string | Uint8Array): string {
  let high = 0xcbf29ce4 | 0;
  let low = 0x84222325 | 0;
  for (const byte of toBytes(input)) {
    low ^= byte;
    // The prime is 2^40 + 0x1b3: one small multiplication and one shift. In halves of 16 bits it stays in integers,
    // which are several times as fast as the doubles that a product of 41 bits would need.
    const lowerProduct = (low & 0xffff) * 0x1b3;
    const upperProduct = (low >>> 16) * 0x1b3 + (lowerProduct >>> 16);
    high = (Math.imul(high, 0x1b3) + (upperProduct >>> 16) + (low << 8)) | 0;
    low = (upperProduct << 16) | (lowerProduct & 0xffff);
  }
  return toHex32(high) + toHex32(low);
}

function toHex32(value: number): string {
  return (value >>> 0).toString(16).padStart(8, "0");
}

function toBytes(input: string | Uint8Array): Uint8Array {
  return typeof input === "string" ? encoder.encode(input) : input;
}
