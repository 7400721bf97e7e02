const suffixes = ["", "k", "m", "g", "t", "p"];
const pattern = /^(\d+\.?\d*|\.\d+) ?(?:([kmgtp])(?:i?b)?|b)?$/i;

/**
 * Reads a size such as `100`, `64KB`, `2.5 GiB`, `10m` into bytes. Units are powers of 1024 and case is ignored.
 * @returns `undefined` for anything else, negative sizes included. A fraction of a byte is dropped.
 */
export function parseByteSize(text: string): number | undefined {
  const match = pattern.exec(text.trim());
  if (match === null) return undefined;
  const power = suffixes.indexOf((match[2] ?? "").toLowerCase());
  const bytes = Math.floor(Number(match[1]) * 1024 ** power);
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** Writes bytes in the largest unit that leaves a whole number: `50MiB`, `1536KiB`, `100`. */
export function formatByteSize(bytes: number): string {
  let value = bytes;
  let power = 0;
  while (value !== 0 && value % 1024 === 0 && power < suffixes.length - 1) {
    value /= 1024;
    power++;
  }
  return power === 0 ? `${bytes}` : `${value}${suffixes[power]?.toUpperCase()}iB`;
}

/** The same within a sentence, where a bare number would not tell what it counts: `50MiB`, `1000 bytes`. */
export function describeByteSize(bytes: number): string {
  const text = formatByteSize(bytes);
  return /\D/.test(text) ? text : `${text} bytes`;
}
