import type { StreamKind } from "./stream-kind.ts";

/** What in an event's bytes makes it worth a closer look. A cheap question: it may say yes in vain, never no in vain. */
export interface StreamMarkers {
  mayTerminate(bytes: Uint8Array): boolean;
  mayReportError(bytes: Uint8Array): boolean;
}

export function markersOf(kind: StreamKind): StreamMarkers {
  return { mayTerminate: terminalMarkers[kind], mayReportError };
}

/** An event's bytes up to this length hold any marker whole, with the value that belongs to it. */
export const markerSpanBytes = 64;

const done = Buffer.from("[DONE]");
const finishReasonKey = Buffer.from('"finish_reason"');
const doneKey = Buffer.from('"done"');
const messageStop = Buffer.from("message_stop");
const responseEnds = ["response.completed", "response.failed", "response.incomplete"].map((type) =>
  Buffer.from(type),
);
// Inside a text the quotes are escaped, so this is always a key or a whole value.
const error = Buffer.from('"error"');
const errorField = Buffer.from("error:");

const terminalMarkers: Readonly<Record<StreamKind, (bytes: Uint8Array) => boolean>> = {
  openai: (bytes) => hasKeyWithout(bytes, finishReasonKey, letter("n")) || holds(bytes, done),
  // Some servers end every event stream the way OpenAI does.
  anthropic: (bytes) => holds(bytes, messageStop) || holds(bytes, done),
  responses: (bytes) => responseEnds.some((end) => holds(bytes, end)) || holds(bytes, done),
  ollama: (bytes) => hasKeyWithout(bytes, doneKey, letter("f")),
};

function mayReportError(bytes: Uint8Array): boolean {
  return holds(bytes, error) || holds(bytes, errorField);
}

function holds(bytes: Uint8Array, marker: Uint8Array): boolean {
  return indexOf(bytes, marker, 0) >= 0;
}

/** Whether a value other than the one that begins with `idleLetter` (`null`, `false`) stands after the key. */
function hasKeyWithout(bytes: Uint8Array, key: Uint8Array, idleLetter: number): boolean {
  let at = indexOf(bytes, key, 0);
  while (at >= 0) {
    at += key.length;
    while (isBetweenKeyAndValue(bytes[at])) at += 1;
    if (at >= bytes.length) return false;
    if (bytes[at] !== idleLetter) return true;
    at = indexOf(bytes, key, at);
  }
  return false;
}

function isBetweenKeyAndValue(byte: number | undefined): boolean {
  return byte === 0x3a || byte === 0x20 || byte === 0x09;
}

/** Native search without wrapping each chunk in a Buffer, which would cost more than the search. */
function indexOf(bytes: Uint8Array, marker: Uint8Array, from: number): number {
  return Buffer.prototype.indexOf.call(bytes, marker, from);
}

function letter(text: string): number {
  return text.charCodeAt(0);
}
