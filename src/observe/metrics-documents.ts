import type { KeptBody } from "../proxy/body-tail.ts";
import type { StreamFraming } from "../proxy/stream-kind.ts";

export type JsonObject = Readonly<Record<string, unknown>>;

/** Objects looked at from the end, and lines that may turn out to be no JSON before we give up. */
const maxDocuments = 5;
const maxBrokenLines = 8;
/** Where Anthropic's first event must begin. */
const openingCharacters = 4 * 1024;

/**
 * The JSON objects at a body's end, the last one first; behind them the event that opens an Anthropic stream. Work is
 * bounded by the size of what was kept; what cannot be read is left out.
 */
export function readLastDocuments(kept: KeptBody, framing: StreamFraming | undefined): JsonObject[] {
  const text = decoder.decode(kept.tail);
  if (framing === undefined) {
    const document = kept.isWhole ? parseObject(text) : salvageMembers(text, 1, "{");
    if (document !== undefined) return [document];
  }
  const documents = readLinesBackwards(text);
  if (documents.length === 0 && !kept.isWhole) {
    // An event larger than what was kept: only the Responses API ends with one, and its figures stand at the end.
    const event = salvageMembers(text, 2, '{"response":{');
    if (event !== undefined) documents.push(event);
  }
  const opening = readOpening(kept, text);
  if (opening !== undefined) documents.push(opening);
  return documents;
}

function readLinesBackwards(text: string): JsonObject[] {
  const documents: JsonObject[] = [];
  let broken = 0;
  let end = text.length;
  while (end > 0 && documents.length < maxDocuments && broken < maxBrokenLines) {
    const start = text.lastIndexOf("\n", end - 1) + 1;
    const json = jsonOfLine(text.slice(start, end));
    if (json !== undefined) {
      const document = parseObject(json);
      if (document === undefined) broken += 1;
      else documents.push(document);
    }
    end = start - 1;
  }
  return documents;
}

function readOpening(kept: KeptBody, text: string): JsonObject | undefined {
  if (!kept.isWhole && kept.head === undefined) return undefined;
  const beginning = kept.head === undefined ? text.slice(0, openingCharacters) : decoder.decode(kept.head);
  if (!beginning.includes('"message_start"')) return undefined;
  for (const line of beginning.split("\n")) {
    if (!line.includes('"message_start"')) continue;
    const json = jsonOfLine(line);
    const document = json === undefined ? undefined : parseObject(json);
    if (document?.type === "message_start") return document;
  }
  return undefined;
}

/** The part of an SSE `data` line or an NDJSON line that could be an object. */
function jsonOfLine(line: string): string | undefined {
  const value = (line.startsWith("data:") ? line.slice("data:".length) : line).trim();
  return value.startsWith("{") ? value : undefined;
}

function parseObject(json: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(json);
    return isJsonObject(value) ? value : undefined;
  } catch (error) {
    // A cut or broken document is no news here, and there is nobody to tell.
    if (error instanceof SyntaxError || error instanceof RangeError) return undefined;
    throw error;
  }
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * Reads the last members of an object of which the beginning is gone: from the end back to the earliest comma that
 * still stands between members at `depth`, with `opening` for what came before. Read backwards, it is certain what is
 * inside of a string, because the end is not.
 */
function salvageMembers(text: string, depth: number, opening: string): JsonObject | undefined {
  const end = text.trimEnd().length;
  let earliest = -1;
  let level = 0;
  let isInString = false;
  for (let at = end - 1; at >= 0; at -= 1) {
    const code = text.charCodeAt(at);
    if (code === quote) {
      if (!isInString || !isEscaped(text, at)) isInString = !isInString;
    } else if (!isInString) {
      if (code === closeBrace || code === closeBracket) level += 1;
      else if (code === openBrace || code === openBracket) level -= 1;
      else if (code === comma && level === depth) earliest = at;
      if (level === 0) break;
    }
  }
  return earliest < 0 ? undefined : parseObject(opening + text.slice(earliest + 1, end));
}

function isEscaped(text: string, at: number): boolean {
  let backslashes = 0;
  while (text.charCodeAt(at - 1 - backslashes) === backslash) backslashes += 1;
  return backslashes % 2 === 1;
}

const quote = 0x22;
const comma = 0x2c;
const openBracket = 0x5b;
const backslash = 0x5c;
const closeBracket = 0x5d;
const openBrace = 0x7b;
const closeBrace = 0x7d;

const decoder = new TextDecoder();
