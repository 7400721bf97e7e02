const quote = 0x22;
const comma = 0x2c;
const backslash = 0x5c;
const openBracket = 0x5b;
const closeBracket = 0x5d;
const openBrace = 0x7b;
const closeBrace = 0x7d;

/** So many bytes of a string are looked at one by one before the native search, whose call costs about as much. */
const nearBytes = 32;

/** The position of the first byte at or after `from` that is not JSON white space; the length when there is none. */
export function skipSpace(bytes: Uint8Array, from: number): number {
  let at = from;
  while (isSpace(bytes[at])) at++;
  return at;
}

/** @param from behind the opening quote; the result is behind the closing one, or -1 when there is none */
export function endOfString(bytes: Uint8Array, from: number): number {
  let at = from;
  for (;;) {
    const nearEnd = Math.min(at + nearBytes, bytes.length);
    while (at < nearEnd) {
      const byte = bytes[at];
      if (byte === quote) return at + 1;
      at += byte === backslash ? 2 : 1;
    }
    const found = at < bytes.length ? bytes.indexOf(quote, at) : -1;
    if (found === -1) return -1;
    if (!isEscaped(bytes, found, at)) return found + 1;
    // Escaped quotes come in crowds (JSON within JSON), so the next one is likely near.
    at = found + 1;
  }
}

/**
 * The position behind the value that begins at `at`, or -1 when it does not end. Without recursion, whatever the depth.
 * Brackets are counted, not matched by kind: a text that mixes them up is for the endpoint to refuse.
 */
export function endOfValue(bytes: Uint8Array, at: number): number {
  const first = bytes[at];
  if (first === quote) return endOfString(bytes, at + 1);
  if (first === openBrace || first === openBracket) return endOfNested(bytes, at);
  return endOfScalar(bytes, at);
}

function endOfNested(bytes: Uint8Array, from: number): number {
  const length = bytes.length;
  let depth = 0;
  let at = from;
  while (at < length) {
    const byte = bytes[at];
    if (byte === quote) {
      at = endOfString(bytes, at + 1);
      if (at === -1) return -1;
      continue;
    }
    at++;
    if (byte === openBrace || byte === openBracket) depth++;
    else if ((byte === closeBrace || byte === closeBracket) && --depth === 0) return at;
  }
  return -1;
}

/** Numbers and literals, unjudged, but at least one byte long. */
function endOfScalar(bytes: Uint8Array, from: number): number {
  let at = from;
  while (at < bytes.length && !endsScalar(bytes[at])) at++;
  return at === from ? -1 : at;
}

function endsScalar(byte: number | undefined): boolean {
  return byte === comma || byte === closeBrace || byte === closeBracket || isSpace(byte);
}

/** @param from where an escape can have begun at the earliest */
function isEscaped(bytes: Uint8Array, quoteAt: number, from: number): boolean {
  let at = quoteAt - 1;
  while (at >= from && bytes[at] === backslash) at--;
  return (quoteAt - 1 - at) % 2 === 1;
}

function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}
