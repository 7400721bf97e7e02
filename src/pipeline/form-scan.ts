import { type BodyScan, maxModelBytes, notAnObject, type ScannedModel, type Span } from "./body-scan.ts";

const ampersand = 0x26;

/** Whether the body is a form of the plain kind, `key=value&…`. */
export function isFormType(contentType: string): boolean {
  return /^\s*application\/x-www-form-urlencoded\s*(?:;|$)/i.test(contentType);
}

/** Finds the fields `model` and `stream`; of repeated ones the last counts. Never throws, whatever the bytes are. */
export function scanForm(bytes: Uint8Array): BodyScan {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const stream = findField(text, "stream");
  return {
    ...notAnObject,
    model: readModel(text, findField(text, "model")),
    hasRivalModels: countModels(text) > 1,
    wantsStream: stream !== undefined && text.toString("latin1", stream.start, stream.end) === "true",
  };
}

/** Whatever way the name is encoded: servers decode it. */
function countModels(text: Buffer): number {
  let count = 0;
  for (const pair of text.toString("latin1").split("&")) {
    const [name = ""] = pair.split("=", 1);
    if (name === "model" || (name.includes("%") && new URLSearchParams(pair).has("model"))) count += 1;
  }
  return count;
}

/** Where the last value of that name is, as it is written. @param name ASCII */
function findField(text: Buffer, name: string): Span | undefined {
  const pattern = `${name}=`;
  for (let at = text.lastIndexOf(pattern); at !== -1; at = text.lastIndexOf(pattern, at - 1)) {
    if (at === 0 || text[at - 1] === ampersand) {
      const start = at + pattern.length;
      const next = text.indexOf(ampersand, start);
      return { start, end: next === -1 ? text.length : next };
    }
    // To Buffer a negative position counts from the end.
    if (at === 0) return undefined;
  }
  return undefined;
}

function readModel(text: Buffer, span: Span | undefined): ScannedModel | undefined {
  if (span === undefined || span.end - span.start > maxModelBytes) return undefined;
  const { start, end } = span;
  try {
    const value = decodeURIComponent(text.toString("utf8", start, end).replaceAll("+", " "));
    return { value, encoding: "form", start, end, isTopLevel: true };
  } catch (error) {
    if (error instanceof URIError) return undefined;
    throw error;
  }
}
