const encoder = new TextEncoder();

/** 32-bit FNV-1a of the bytes (text as UTF-8), as an unsigned number. For short stable ids, not for security. */
export function fnv1a32(input: string | Uint8Array): number {
  let hash = 0x811c9dc5;
  for (const byte of toBytes(input)) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}

/** 64-bit FNV-1a of the bytes (text as UTF-8), as 16 lower-case hex digits. */
export function fnv1a64Hex(input: string | Uint8Array): string {
  let high = 0xcbf29ce4;
  let low = 0x84222325;
  for (const byte of toBytes(input)) {
    low = (low ^ byte) >>> 0;
    // The prime is 2^40 + 0x1b3: one small multiplication that a double holds exactly, and one shift.
    const product = low * 0x1b3;
    const carry = Math.floor(product / 0x1_0000_0000);
    high = (high * 0x1b3 + carry + ((low << 8) >>> 0)) % 0x1_0000_0000;
    low = product % 0x1_0000_0000;
  }
  return toHex32(high) + toHex32(low);
}

function toHex32(value: number): string {
  return value.toString(16).padStart(8, "0");
}

function toBytes(input: string | Uint8Array): Uint8Array {
  return typeof input === "string" ? encoder.encode(input) : input;
}
