import { createKeyFilter, isLiteral, parseString, scanMembers } from "./json-members.ts";
import { skipSpace } from "./json-skip.ts";

/** Where a request's model name was found. */
export interface ScannedModel {
  /** Decoded, as the client spelled it. */
  readonly value: string;
  /** How the value is written: as a JSON string, bare in a part of a multipart body, or percent-encoded in a form. */
  readonly encoding: "json" | "text" | "form";
  /** Byte range of the value as written; of a JSON string, quotes included. */
  readonly start: number;
  readonly end: number;
  /** False when it was taken from the first message, for want of a top-level one. */
  readonly isTopLevel: boolean;
}

/** What the top-level members of a JSON object say, with the rest of the text only skipped; or what the fields of a form do. */
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
  /** More than one top-level member, or field of a form, is called `model`, whatever its value; a member's case does not count. */
  readonly hasRivalModels: boolean;
  /** There is a list of further `models`, in any case, which OpenRouter turns to when the first is busy. */
  readonly hasModelList: boolean;
  /** `stream` is `true`. */
  readonly wantsStream: boolean;
  /** `tools`, `functions`, `tool_choice` or `function_call` is there and not `null`; the same rule below. */
  readonly hasTools: boolean;
  readonly hasMessages: boolean;
  readonly hasInput: boolean;
  readonly hasPrompt: boolean;
  /** Where the members that tell one conversation from another are; only when asked for. */
  readonly conversation: ConversationSpans | undefined;
}

const conversationKeys = [
  "system",
  "instructions",
  "messages",
  "prompt",
  "input",
  "prompt_cache_key",
  "previous_response_id",
  "metadata",
] as const;
export type ConversationKey = (typeof conversationKeys)[number];

/** Byte range of a value, quotes or brackets included. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** Without members that are `null`. */
export type ConversationSpans = ReadonlyMap<ConversationKey, Span>;

interface Findings {
  exactModel: ScannedModel | undefined;
  otherModel: ScannedModel | undefined;
  modelCount: number;
  hasModelList: boolean;
  messagesAt: number | undefined;
  readonly present: Set<string>;
  readonly conversation: Map<ConversationKey, Span> | undefined;
  wantsStream: boolean;
}

const quote = 0x22;
const openBracket = 0x5b;
const openBrace = 0x7b;

/** A longer name is nobody's model, and decoding it would cost what the scan saves. */
export const maxModelBytes = 16 * 1024;

const toolKeys = ["tools", "functions", "tool_choice", "function_call"] as const;
const notedKeys: ReadonlySet<string> = new Set([...toolKeys, "messages", "input", "prompt"]);
const conversationKeySet: ReadonlySet<string> = new Set(conversationKeys);
const keyFilter = createKeyFilter([...notedKeys, ...conversationKeys, "model", "models", "stream"]);

/** Of a body that is no JSON object. */
export const notAnObject: BodyScan = Object.freeze({
  isObject: false,
  isComplete: false,
  model: undefined,
  hasRivalModels: false,
  hasModelList: false,
  wantsStream: false,
  hasTools: false,
  hasMessages: false,
  hasInput: false,
  hasPrompt: false,
  conversation: undefined,
});

/**
 * Finds the members that routing needs, at any place of the object, without building anything from the rest. Of
 * repeated keys the last counts, as for `JSON.parse`. The model is the string under `model`, else under a key equal to
 * it but for case (the last such string: Go servers take that), else the `model` of the first message.
 * Never throws, whatever the bytes are.
 * @param withConversation whether the spans of `conversation` are wanted
 */
export function scanBody(bytes: Uint8Array, withConversation = false): BodyScan {
  const start = skipSpace(bytes, skipByteOrderMark(bytes));
  if (bytes[start] !== openBrace) return notAnObject;
  // A view, made once: only Buffer decodes a part of itself.
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

  const found: Findings = {
    exactModel: undefined,
    otherModel: undefined,
    modelCount: 0,
    hasModelList: false,
    messagesAt: undefined,
    present: new Set(),
    conversation: withConversation ? new Map() : undefined,
    wantsStream: false,
  };
  const end = scanMembers(text, start, keyFilter, (key, valueStart, valueEnd) =>
    note(text, found, key, valueStart, valueEnd),
  );
  return {
    isObject: true,
    isComplete: end !== -1 && skipSpace(bytes, end) === bytes.length,
    model: found.exactModel ?? found.otherModel ?? modelOfFirstMessage(text, found.messagesAt),
    hasRivalModels: found.modelCount > 1,
    hasModelList: found.hasModelList,
    wantsStream: found.wantsStream,
    hasTools: toolKeys.some((key) => found.present.has(key)),
    hasMessages: found.present.has("messages"),
    hasInput: found.present.has("input"),
    hasPrompt: found.present.has("prompt"),
    conversation: found.conversation,
  };
}

function note(text: Buffer, found: Findings, key: string, valueStart: number, valueEnd: number): void {
  if (found.conversation !== undefined && isConversationKey(key)) {
    if (isLiteral(text, valueStart, valueEnd, "null")) found.conversation.delete(key);
    else found.conversation.set(key, { start: valueStart, end: valueEnd });
  }
  if (key === "stream") {
    found.wantsStream = isLiteral(text, valueStart, valueEnd, "true");
  } else if (notedKeys.has(key)) {
    if (isLiteral(text, valueStart, valueEnd, "null")) found.present.delete(key);
    else found.present.add(key);
    if (key === "messages") found.messagesAt = valueStart;
  } else if (key === "model") {
    found.modelCount += 1;
    found.exactModel = readModel(text, valueStart, valueEnd, true);
  } else if (key.toLowerCase() === "model") {
    found.modelCount += 1;
    found.otherModel = readModel(text, valueStart, valueEnd, true) ?? found.otherModel;
  } else if (key.toLowerCase() === "models") {
    found.hasModelList ||= !isLiteral(text, valueStart, valueEnd, "null");
  }
}

function isConversationKey(key: string): key is ConversationKey {
  return conversationKeySet.has(key);
}

function modelOfFirstMessage(text: Buffer, messagesAt: number | undefined): ScannedModel | undefined {
  if (messagesAt === undefined || text[messagesAt] !== openBracket) return undefined;
  const first = skipSpace(text, messagesAt + 1);
  if (text[first] !== openBrace) return undefined;
  let model: ScannedModel | undefined;
  scanMembers(text, first, keyFilter, (key, valueStart, valueEnd) => {
    if (key === "model") model = readModel(text, valueStart, valueEnd, false);
  });
  return model;
}

function readModel(text: Buffer, start: number, end: number, isTopLevel: boolean): ScannedModel | undefined {
  if (text[start] !== quote || end - start > maxModelBytes) return undefined;
  const value = parseString(text, start, end);
  return value === undefined ? undefined : { value, encoding: "json", start, end, isTopLevel };
}

function skipByteOrderMark(bytes: Uint8Array): number {
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
}
