import { type BodyScan, maxModelBytes, notAnObject, type ScannedModel } from "./body-scan.ts";

/** A part between its delimiters. */
interface Part {
  /** Of the content's first byte, and behind its last. */
  readonly start: number;
  readonly end: number;
  readonly headers: string;
}

/** The ends of lines as the sender writes them: few leave out the carriage return, but some do. */
type LineEnd = "\r\n" | "\n";

const lineFeed = 0x0a;
const carriageReturn = 0x0d;
const dash = 0x2d;
const space = 0x20;
const tab = 0x09;

/** Of one part. Whoever sends more has something else in mind than a form. */
const maxHeaderBytes = 16 * 1024;
/** RFC 2046 allows 70. */
const maxBoundaryLength = 256;
/** What lies behind is not looked at: no form has as many fields. */
const maxParts = 1_000;

const multipart = /^\s*multipart\/form-data\s*;/i;
const boundaryParameter = /;\s*boundary\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;,"]+))/i;
const disposition = /^content-disposition\s*:\s*form-data\s*(;.*)$/i;
const parameter = /;\s*([\w!#$%&'*+.^`|~-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;"]*))/g;
const plainTransfer = /^content-transfer-encoding\s*:\s*(?:7bit|8bit|binary)?\s*$/i;
const transfer = /^content-transfer-encoding\s*:/i;

const strictText = new TextDecoder("utf-8", { fatal: true });

/** @returns undefined when the type is another one, or names no boundary */
export function readBoundary(contentType: string): string | undefined {
  if (!multipart.test(contentType)) return undefined;
  const [, quoted, bare] = boundaryParameter.exec(contentType) ?? [];
  const boundary = quoted === undefined ? bare : quoted.replace(/\\(.)/g, "$1");
  if (boundary === undefined || boundary === "" || boundary.length > maxBoundaryLength) return undefined;
  return boundary;
}

/**
 * Finds the fields `model` and `stream` of a form, wherever they are. Files are skipped by searching for the delimiter,
 * and not looked into. A field that is not closed by a delimiter was cut off and does not count; of repeated ones the
 * last counts. Never throws, whatever the bytes are.
 * @param boundary as in `readBoundary`
 */
export function scanMultipart(bytes: Uint8Array, boundary: string): BodyScan {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let model: ScannedModel | undefined;
  let modelCount = 0;
  let wantsStream = false;
  for (const part of partsOf(text, boundary)) {
    const name = fieldName(part.headers);
    if (name === "model") {
      model = readModel(text, part);
      modelCount += 1;
    } else if (name === "stream") wantsStream = isTrue(text, part);
  }
  return { ...notAnObject, model, hasRivalModels: modelCount > 1, wantsStream };
}

/** The closed parts, in order. */
function* partsOf(text: Buffer, boundary: string): Generator<Part> {
  // A header's text is its bytes.
  const delimiter = Buffer.from(`--${boundary}`, "latin1");
  const first = findFirstDelimiter(text, delimiter);
  if (first === undefined) return;
  const { lineEnd } = first;
  const closing = Buffer.concat([Buffer.from(lineEnd), delimiter]);
  let { behind } = first;
  for (let count = 0; count < maxParts; count++) {
    // The line end that closes the delimiter may be the one that opens the blank line: such a part has no headers.
    const blankAt = text
      .subarray(0, behind + maxHeaderBytes)
      .indexOf(lineEnd + lineEnd, behind - lineEnd.length);
    if (blankAt === -1) return;
    const start = blankAt + 2 * lineEnd.length;
    // From the blank line on: a part may be empty, and then its end is the delimiter's own line end.
    const next = findDelimiter(text, closing, start - lineEnd.length);
    if (next === undefined) return;
    yield {
      start,
      end: Math.max(start, next.at),
      headers: text.toString("utf8", behind, Math.max(behind, blankAt)),
    };
    if (next.isLast) return;
    behind = next.behind;
  }
}

/** It also tells how the sender ends lines. */
function findFirstDelimiter(
  text: Buffer,
  delimiter: Buffer,
): { behind: number; lineEnd: LineEnd } | undefined {
  for (let at = text.indexOf(delimiter); at !== -1; at = text.indexOf(delimiter, at + 1)) {
    if (at > 0 && text[at - 1] !== lineFeed) continue;
    const lineEndAt = skipBlanks(text, at + delimiter.length);
    if (text[lineEndAt] === lineFeed) return { behind: lineEndAt + 1, lineEnd: "\n" };
    if (text[lineEndAt] === carriageReturn && text[lineEndAt + 1] === lineFeed) {
      return { behind: lineEndAt + 2, lineEnd: "\r\n" };
    }
  }
  return undefined;
}

interface Delimiter {
  /** Of the line end in front, which belongs to it. */
  readonly at: number;
  /** The beginning of the next line. */
  readonly behind: number;
  readonly isLast: boolean;
}

/** What only begins like a delimiter, with more text in the same line, is content. */
function findDelimiter(text: Buffer, delimiter: Buffer, from: number): Delimiter | undefined {
  for (let at = text.indexOf(delimiter, from); at !== -1; at = text.indexOf(delimiter, at + 1)) {
    const end = at + delimiter.length;
    if (text[end] === dash && text[end + 1] === dash) return { at, behind: end + 2, isLast: true };
    const lineEndAt = skipBlanks(text, end);
    if (text[lineEndAt] === lineFeed) return { at, behind: lineEndAt + 1, isLast: false };
    if (text[lineEndAt] === carriageReturn && text[lineEndAt + 1] === lineFeed) {
      return { at, behind: lineEndAt + 2, isLast: false };
    }
  }
  return undefined;
}

function skipBlanks(text: Buffer, at: number): number {
  let position = at;
  while (text[position] === space || text[position] === tab) position++;
  return position;
}

/** Undefined for files, and for a field whose content is not written as it is. */
function fieldName(headers: string): string | undefined {
  let name: string | undefined;
  for (const line of headers.replace(/\r?\n[ \t]+/g, " ").split(/\r?\n/)) {
    if (transfer.test(line) && !plainTransfer.test(line)) return undefined;
    const [, parameters] = disposition.exec(line) ?? [];
    if (parameters === undefined) continue;
    for (const [, key = "", quoted, bare] of parameters.matchAll(parameter)) {
      const lowerKey = key.toLowerCase();
      if (lowerKey === "filename" || lowerKey === "filename*") return undefined;
      if (lowerKey === "name") name = quoted ?? bare;
    }
  }
  return name;
}

function readModel(text: Buffer, { start, end }: Part): ScannedModel | undefined {
  if (end - start > maxModelBytes) return undefined;
  try {
    const value = strictText.decode(text.subarray(start, end));
    return { value, encoding: "text", start, end, isTopLevel: true };
  } catch (error) {
    if (error instanceof TypeError) return undefined;
    throw error;
  }
}

/** Python's `str(True)` is `True`. */
function isTrue(text: Buffer, { start, end }: Part): boolean {
  return end - start < 16 && text.toString("latin1", start, end).trim().toLowerCase() === "true";
}
