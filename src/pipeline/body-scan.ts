import { endOfString, endOfValue, skipSpace } from "./json-skip.ts";

/** Where a request's model name was found. */
export interface ScannedModel {
  /** Decoded, as the client spelled it. */
  readonly value: string;
  /** Byte range of the JSON string, quotes included. */
  readonly start: number;
  readonly end: number;
  /** False when it was taken from the first message, for want of a top-level one. */
  readonly isTopLevel: boolean;
}

/** What the top-level members of a JSON object say, with the rest of the text only skipped. */
export interface BodyScan {
  /** The first byte that is not space (or a byte order mark) is `{`. */
  readonly isObject: boolean;
  /**
   * The object's braces close, its top level is well formed, and only space follows. What lies deeper is skipped and
   * not judged. When false, the members that were complete before the fault are reported all the same: it is the
   * endpoint that decides about malformed JSON, and it should be the right one.
   */
  readonly isComplete: boolean;
  readonly model: ScannedModel | undefined;
  /** `stream` is `true`. */
  readonly wantsStream: boolean;
  /** `tools`, `functions`, `tool_choice` or `function_call` is there and not `null`; the same rule below. */
  readonly hasTools: boolean;
  readonly hasMessages: boolean;
  readonly hasInput: boolean;
  readonly hasPrompt: boolean;
}

interface Findings {
  exactModel: ScannedModel | undefined;
  otherModel: ScannedModel | undefined;
  messagesAt: number | undefined;
  readonly present: Set<string>;
  wantsStream: boolean;
}

type Visit = (key: string, valueStart: number, valueEnd: number) => void;

const quote = 0x22;
const comma = 0x2c;
const colon = 0x3a;
const openBracket = 0x5b;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const backslash = 0x5c;

/** No key that we look for is longer, even with every character written as `\uXXXX`. */
const maxKeyBytes = 6 * "function_call".length;

/** A longer name is nobody's model, and decoding it would cost what the scan saves. */
const maxModelBytes = 16 * 1024;

const toolKeys = ["tools", "functions", "tool_choice", "function_call"] as const;
const notedKeys: ReadonlySet<string> = new Set([...toolKeys, "messages", "input", "prompt"]);
const keyLengths: ReadonlySet<number> = new Set([...notedKeys, "model", "stream"].map((key) => key.length));

const notAnObject: BodyScan = Object.freeze({
  isObject: false,
  isComplete: false,
  model: undefined,
  wantsStream: false,
  hasTools: false,
  hasMessages: false,
  hasInput: false,
  hasPrompt: false,
});

/**
 * Finds the members that routing needs, at any place of the object, without building anything from the rest. Of
 * repeated keys the last counts, as for `JSON.parse`. The model is the string under `model`, else under a key equal to
 * it but for case (the last such string: Go servers take that), else the `model` of the first message.
 * Never throws, whatever the bytes are.
 */
export function scanBody(bytes: Uint8Array): BodyScan {
  const start = skipSpace(bytes, skipByteOrderMark(bytes));
  if (bytes[start] !== openBrace) return notAnObject;
  // A view, made once: only Buffer decodes a part of itself.
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

  const found: Findings = {
    exactModel: undefined,
    otherModel: undefined,
    messagesAt: undefined,
    present: new Set(),
    wantsStream: false,
  };
  const end = scanMembers(text, start, (key, valueStart, valueEnd) =>
    note(text, found, key, valueStart, valueEnd),
  );
  return {
    isObject: true,
    isComplete: end !== -1 && skipSpace(bytes, end) === bytes.length,
    model: found.exactModel ?? found.otherModel ?? modelOfFirstMessage(text, found.messagesAt),
    wantsStream: found.wantsStream,
    hasTools: toolKeys.some((key) => found.present.has(key)),
    hasMessages: found.present.has("messages"),
    hasInput: found.present.has("input"),
    hasPrompt: found.present.has("prompt"),
  };
}

/** The same body with another model: only the bytes of the top-level value change. Without such a value, `bytes` itself. */
export function replaceModel(
  bytes: Uint8Array<ArrayBuffer>,
  scan: BodyScan,
  newName: string,
): Uint8Array<ArrayBuffer> {
  if (scan.model === undefined || !scan.model.isTopLevel) return bytes;
  const { start, end } = scan.model;
  const name = new TextEncoder().encode(JSON.stringify(newName));
  const replaced = new Uint8Array(bytes.byteLength - (end - start) + name.byteLength);
  replaced.set(bytes.subarray(0, start));
  replaced.set(name, start);
  replaced.set(bytes.subarray(end), start + name.byteLength);
  return replaced;
}

function note(text: Buffer, found: Findings, key: string, valueStart: number, valueEnd: number): void {
  if (key === "stream") {
    found.wantsStream = isLiteral(text, valueStart, valueEnd, "true");
  } else if (notedKeys.has(key)) {
    if (isLiteral(text, valueStart, valueEnd, "null")) found.present.delete(key);
    else found.present.add(key);
    if (key === "messages") found.messagesAt = valueStart;
  } else if (key === "model") {
    found.exactModel = readModel(text, valueStart, valueEnd, true);
  } else if (key.toLowerCase() === "model") {
    found.otherModel = readModel(text, valueStart, valueEnd, true) ?? found.otherModel;
  }
}

function modelOfFirstMessage(text: Buffer, messagesAt: number | undefined): ScannedModel | undefined {
  if (messagesAt === undefined || text[messagesAt] !== openBracket) return undefined;
  const first = skipSpace(text, messagesAt + 1);
  if (text[first] !== openBrace) return undefined;
  let model: ScannedModel | undefined;
  scanMembers(text, first, (key, valueStart, valueEnd) => {
    if (key === "model") model = readModel(text, valueStart, valueEnd, false);
  });
  return model;
}

/**
 * Reports each complete member of the object that opens at `at`. Keys that cannot matter are reported as `""`.
 * @returns the position after its closing brace, or -1 where it is malformed or cut off
 */
function scanMembers(text: Buffer, at: number, visit: Visit): number {
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
    visit(readKey(text, position, keyEnd), valueStart, valueEnd);
    if (text[next] === closeBrace) return next + 1;
    if (text[next] !== comma) return -1;
    position = skipSpace(text, next + 1);
  }
}

/** Whether the value says itself where it ends: strings, arrays and objects do. */
function isDelimited(text: Buffer, valueStart: number): boolean {
  const first = text[valueStart];
  return first === quote || first === openBracket || first === openBrace;
}

/** Most keys are of no interest, which their length alone can tell. @param start of the opening quote; `end` is behind the closing one */
function readKey(text: Buffer, start: number, end: number): string {
  if (end - start - 2 > maxKeyBytes) return "";
  if (hasBackslash(text, start, end)) return parseString(text, start, end) ?? "";
  if (!keyLengths.has(end - start - 2)) return "";
  // Latin-1 is enough to recognise ASCII names, and the cheapest.
  return text.toString("latin1", start + 1, end - 1);
}

function hasBackslash(text: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if (text[at] === backslash) return true;
  return false;
}

function readModel(text: Buffer, start: number, end: number, isTopLevel: boolean): ScannedModel | undefined {
  if (text[start] !== quote || end - start > maxModelBytes) return undefined;
  const value = parseString(text, start, end);
  return value === undefined ? undefined : { value, start, end, isTopLevel };
}

function parseString(text: Buffer, start: number, end: number): string | undefined {
  try {
    const value: unknown = JSON.parse(text.toString("utf8", start, end));
    return typeof value === "string" ? value : undefined;
  } catch (error) {
    // A wrong escape makes it no string; what else can go wrong here is not ours to hide.
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function isLiteral(text: Buffer, start: number, end: number, literal: "true" | "null"): boolean {
  return end - start === literal.length && text.toString("latin1", start, end) === literal;
}

function skipByteOrderMark(bytes: Uint8Array): number {
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
}
