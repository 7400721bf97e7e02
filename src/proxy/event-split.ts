import type { StreamFraming } from "./stream-kind.ts";

/** One event as its sender meant it. */
export interface StreamEvent {
  /** The SSE `event` field; empty where there is none. */
  readonly name: string;
  /** The SSE `data` fields joined by line ends, or the NDJSON line. */
  readonly data: string;
}

export const lineFeed = 0x0a;
const carriageReturn = 0x0d;

/**
 * Where the event that begins at `from` ends: the index after the empty line that closes it (SSE), or after its line
 * end (NDJSON). -1 while it is not complete. An empty line where an event could begin is an event without anything.
 */
export function findEventEnd(bytes: Uint8Array, framing: StreamFraming, from: number): number {
  if (framing === "sse") {
    if (bytes[from] === lineFeed) return from + 1;
    if (bytes[from] === carriageReturn) return from + (bytes[from + 1] === lineFeed ? 2 : 1);
  }
  return findEndOfBegunEvent(bytes, framing, from);
}

/**
 * The same for an event of which something was seen before `from`. Once this has answered -1, the search may go on
 * from the last byte it saw.
 */
export function findEndOfBegunEvent(bytes: Uint8Array, framing: StreamFraming, from: number): number {
  if (framing === "ndjson") return bytes.indexOf(lineFeed, from) + 1 || -1;
  return bytes.indexOf(carriageReturn, from) < 0
    ? findDoubleLineFeed(bytes, from)
    : findEmptyLine(bytes, from);
}

function findDoubleLineFeed(bytes: Uint8Array, from: number): number {
  let at = bytes.indexOf(lineFeed, from);
  while (at >= 0 && at + 1 < bytes.length) {
    if (bytes[at + 1] === lineFeed) return at + 2;
    at = bytes.indexOf(lineFeed, at + 1);
  }
  return -1;
}

/** A line may end with LF, CR LF or CR. A CR that ends the empty line closes the event, whether or not an LF follows. */
function findEmptyLine(bytes: Uint8Array, from: number): number {
  for (let at = from; at + 1 < bytes.length; at += 1) {
    const byte = bytes[at];
    if (byte !== lineFeed && byte !== carriageReturn) continue;
    const next = bytes[at + 1];
    if (next === carriageReturn || (next === lineFeed && byte === lineFeed)) return at + 2;
  }
  return -1;
}

/** Reads one event's bytes. Undefined for what carries no data: comments, empty lines, a name alone. */
export function readEvent(bytes: Uint8Array, framing: StreamFraming): StreamEvent | undefined {
  const text = decoder.decode(bytes);
  if (framing === "ndjson") return text.trim() === "" ? undefined : { name: "", data: text };
  let name = "";
  let data: string | undefined;
  for (const line of text.split(/\r\n|\n|\r/)) {
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    if (field !== "data" && field !== "event" && field !== "error") continue;
    const valueAt = colon < 0 ? line.length : colon + (line[colon + 1] === " " ? 2 : 1);
    const value = line.slice(valueAt);
    // llama.cpp until late 2025.
    if (field === "error") return { name: "error", data: value };
    if (field === "event") name = value;
    else data = data === undefined ? value : `${data}\n${value}`;
  }
  return data === undefined ? undefined : { name, data };
}

// Drops a byte order mark, which may stand before the first event, and shows broken UTF-8 instead of throwing.
const decoder = new TextDecoder();
