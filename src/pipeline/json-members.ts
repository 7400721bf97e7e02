import { endOfString, endOfValue, skipSpace } from "./json-skip.ts";

/** Which keys of an object are of interest. */
export interface KeyFilter {
  readonly lengths: ReadonlySet<number>;
  /** No key that is looked for is longer, even with every character written as `\uXXXX`. */
  readonly maxBytes: number;
}

/** Called with positions of the value's first byte and behind its last. */
export type Visit = (key: string, valueStart: number, valueEnd: number) => void;

const quote = 0x22;
const comma = 0x2c;
const colon = 0x3a;
const openBracket = 0x5b;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const backslash = 0x5c;

/** @param keys ASCII */
export function createKeyFilter(keys: Iterable<string>): KeyFilter {
  const lengths = new Set([...keys].map((key) => key.length));
  return { lengths, maxBytes: 6 * Math.max(...lengths) };
}

/**
 * Reports each complete member of the object that opens at `at`. Keys that the filter rules out are reported as `""`.
 * @returns the position after its closing brace, or -1 where it is malformed or cut off
 */
export function scanMembers(text: Buffer, at: number, filter: KeyFilter, visit: Visit): number {
  let position = skipSpace(text, at + 1);
  if (text[position] === closeBrace) return position + 1;
  for (;;) {
    if (text[position] !== quote) return -1;
    const keyEnd = endOfString(text, position + 1);
    if (keyEnd === -1) return -1;
    const colonAt = skipSpace(text, keyEnd);
    if (text[colonAt] !== colon) return -1;
    const valueStart = skipSpace(text, colonAt + 1);
    const valueEnd = endOfValue(text, valueStart);
    if (valueEnd === -1) return -1;
    const next = skipSpace(text, valueEnd);
    // A value at the very end of the bytes may have been cut: 1 of 12, "tru" of "true".
    if (next >= text.length && !isDelimited(text, valueStart)) return -1;
    visit(readKey(text, position, keyEnd, filter), valueStart, valueEnd);
    if (text[next] === closeBrace) return next + 1;
    if (text[next] !== comma) return -1;
    position = skipSpace(text, next + 1);
  }
}

export function parseString(text: Buffer, start: number, end: number): string | undefined {
  try {
    const value: unknown = JSON.parse(text.toString("utf8", start, end));
    return typeof value === "string" ? value : undefined;
  } catch (error) {
    // A wrong escape makes it no string; what else can go wrong here is not ours to hide.
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

export function isLiteral(text: Buffer, start: number, end: number, literal: "true" | "null"): boolean {
  return end - start === literal.length && text.toString("latin1", start, end) === literal;
}

/** Whether the value says itself where it ends: strings, arrays and objects do. */
function isDelimited(text: Buffer, valueStart: number): boolean {
  const first = text[valueStart];
  return first === quote || first === openBracket || first === openBrace;
}

/** Most keys are of no interest, which their length alone can tell. @param start of the opening quote; `end` is behind the closing one */
function readKey(text: Buffer, start: number, end: number, filter: KeyFilter): string {
  if (end - start - 2 > filter.maxBytes) return "";
  if (hasBackslash(text, start, end)) return parseString(text, start, end) ?? "";
  if (!filter.lengths.has(end - start - 2)) return "";
  // Latin-1 is enough to recognise ASCII names, and the cheapest.
  return text.toString("latin1", start + 1, end - 1);
}

function hasBackslash(text: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if (text[at] === backslash) return true;
  return false;
}
