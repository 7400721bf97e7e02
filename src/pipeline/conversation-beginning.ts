import type { ConversationSpans, Span } from "./body-scan.ts";
import { createKeyFilter, scanMembers } from "./json-members.ts";
import { endOfValue, skipSpace } from "./json-skip.ts";

const quote = 0x22;
const comma = 0x2c;
const openBracket = 0x5b;
const closeBracket = 0x5d;
const openBrace = 0x7b;

/** Raw control characters cannot stand in a JSON string, so nothing a client writes looks like these. */
const beforeMessage = Uint8Array.of(0);
const beforePart = Uint8Array.of(1);

const systemRole = Buffer.from("system");
const userRole = Buffer.from("user");

/** Of what is no text (an image, a recording) so much from its beginning and from its end, and its length. */
const sampledBytes = 64;

const messageKeys = createKeyFilter(["role", "content", "images"]);
const partKeys = createKeyFilter(["text", "cache_control"]);

export interface BeginningOptions {
  /** 0 is no limit. */
  readonly maxBytes: number;
  /** Whether `input` is a conversation (Responses API) and not a text to embed. */
  readonly isInputConversation: boolean;
}

/**
 * The conversation's beginning: system text, then the messages from the first through the user's first, so that later
 * turns have the same. Roles and texts count, and a sample of what is no text; how the client wraps a text (a string or
 * a list of parts, with or without `cache_control`) does not, because some clients change that from turn to turn.
 * @param text the whole body @returns undefined when the body holds no conversation
 */
export function readBeginning(
  text: Buffer,
  spans: ConversationSpans,
  { maxBytes, isInputConversation }: BeginningOptions,
): Uint8Array | undefined {
  const turns =
    filled(text, spans.get("messages")) ??
    filled(text, spans.get("prompt")) ??
    (isInputConversation ? filled(text, spans.get("input")) : undefined);
  if (turns === undefined) return undefined;
  const beginning = new Beginning(text, maxBytes === 0 ? Number.POSITIVE_INFINITY : maxBytes);
  for (const span of [spans.get("system"), spans.get("instructions")]) {
    if (span !== undefined && filled(text, span) !== undefined) addMessage(beginning, systemRole, span);
  }
  addTurns(beginning, turns);
  return beginning.toBytes();
}

/** Undefined for an empty string and an empty list. */
function filled(text: Buffer, span: Span | undefined): Span | undefined {
  if (span === undefined) return undefined;
  const first = text[span.start];
  if (first === quote) return span.end - span.start > 2 ? span : undefined;
  if (first === openBracket) return text[skipSpace(text, span.start + 1)] === closeBracket ? undefined : span;
  return span;
}

/** A list of messages or of bare texts, or one text that is the user's. */
function addTurns(beginning: Beginning, turns: Span): void {
  const { text } = beginning;
  if (text[turns.start] !== openBracket) {
    addMessage(beginning, userRole, turns);
    return;
  }
  eachElement(text, turns.start, (turn) => {
    const isUsers = text[turn.start] === openBrace ? addTurn(beginning, turn) : addPart(beginning, turn);
    return !isUsers && !beginning.isFull;
  });
}

/** @returns whether it is a message of the user */
function addTurn(beginning: Beginning, turn: Span): boolean {
  const { text } = beginning;
  let role: Span | undefined;
  let content: Span | undefined;
  let images: Span | undefined;
  scanMembers(text, turn.start, messageKeys, (key, start, end) => {
    if (key === "role") role = { start, end };
    else if (key === "content") content = { start, end };
    else if (key === "images") images = { start, end };
  });
  if (role === undefined) {
    addSample(beginning, turn);
    return false;
  }
  const roleText = inside(text, role);
  addMessage(beginning, roleText, content);
  if (images !== undefined) addSample(beginning, images);
  return userRole.equals(roleText);
}

function addMessage(beginning: Beginning, role: Uint8Array, content: Span | undefined): void {
  beginning.add(beforeMessage);
  beginning.add(role);
  if (content === undefined) return;
  if (beginning.text[content.start] !== openBracket) {
    addPart(beginning, content);
    return;
  }
  eachElement(beginning.text, content.start, (part) => {
    addPart(beginning, part);
    return !beginning.isFull;
  });
}

/** @returns false, always: a part is not a message of the user */
function addPart(beginning: Beginning, part: Span): false {
  const { text } = beginning;
  beginning.add(beforePart);
  if (text[part.start] !== openBrace) {
    beginning.add(inside(text, part));
    return false;
  }
  let words: Span | undefined;
  scanMembers(text, part.start, partKeys, (key, start, end) => {
    if (key === "text" && text[start] === quote) words = { start, end };
  });
  if (words !== undefined) {
    beginning.add(inside(text, words));
    return false;
  }
  scanMembers(text, part.start, partKeys, (key, start, end) => {
    if (key !== "cache_control") addSample(beginning, { start, end });
  });
  return false;
}

/** Files of one kind begin alike, so the beginning alone would not tell two images apart. */
function addSample(beginning: Beginning, { start, end }: Span): void {
  const { text } = beginning;
  beginning.add(Buffer.from(`${end - start}:`));
  if (end - start <= 2 * sampledBytes) {
    beginning.add(text.subarray(start, end));
    return;
  }
  beginning.add(text.subarray(start, start + sampledBytes));
  beginning.add(text.subarray(end - sampledBytes, end));
}

/** Without the quotes, where it is a string. */
function inside(text: Buffer, { start, end }: Span): Buffer {
  return text[start] === quote ? text.subarray(start + 1, end - 1) : text.subarray(start, end);
}

/** Calls `visit` for each element of the array that opens at `at`, until it says false or the array is malformed. */
function eachElement(text: Buffer, at: number, visit: (element: Span) => boolean): void {
  let start = skipSpace(text, at + 1);
  while (text[start] !== closeBracket) {
    const end = endOfValue(text, start);
    if (end === -1 || !visit({ start, end })) return;
    const next = skipSpace(text, end);
    if (text[next] !== comma) return;
    start = skipSpace(text, next + 1);
  }
}

/** Collects views of the body, up to a length. */
class Beginning {
  readonly text: Buffer;
  readonly #maxBytes: number;
  readonly #pieces: Uint8Array[] = [];
  #length = 0;

  constructor(text: Buffer, maxBytes: number) {
    this.text = text;
    this.#maxBytes = maxBytes;
  }

  get isFull(): boolean {
    return this.#length >= this.#maxBytes;
  }

  add(bytes: Uint8Array): void {
    if (this.isFull) return;
    const piece = bytes.subarray(0, Math.min(bytes.length, this.#maxBytes - this.#length));
    this.#pieces.push(piece);
    this.#length += piece.length;
  }

  toBytes(): Uint8Array {
    return Buffer.concat(this.#pieces);
  }
}
