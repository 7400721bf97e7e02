import { OllaError } from "../../../errors.ts";
import { isObject, type JsonObject } from "../../../lib/json.ts";
import type {
  AssistantPart,
  ChatMessage,
  ContentPart,
  DataSource,
  DocumentPart,
  TextSource,
  ToolMessage,
  UrlSource,
} from "../../chat-request.ts";
import { parseJsonExactly } from "../../exact-json.ts";
import { arrangeMessages } from "../../openai/arrange-messages.ts";

/** A conversation as the Messages API takes it. */
export interface EncodedMessages {
  /** Instructions; undefined where there are none. */
  readonly system: string | undefined;
  /** User and assistant in turns, the user first. */
  readonly messages: readonly JsonObject[];
}

/**
 * One system text, then turns. All results of one turn and what the user says behind them are one message: the API
 * takes no result that is not in the message right behind its call.
 * @throws OllaError `not_supported` for sound
 */
export function encodeMessages(given: readonly ChatMessage[]): EncodedMessages {
  const [first, ...others] = arrangeMessages(given, () => true);
  const system = first?.role === "system" ? first.text : undefined;
  const rest = first === undefined || first.role === "system" ? others : [first, ...others];
  const turns: Turn[] = [];
  for (const message of rest) {
    const blocks = encodeMessage(message);
    const role = message.role === "assistant" ? "assistant" : "user";
    const last = turns.at(-1);
    if (blocks.length === 0) continue;
    if (last?.role === role) last.content.push(...blocks);
    else turns.push({ role, content: [...blocks] });
  }
  // Instructions alone are a conversation elsewhere.
  if (turns.length === 0 && system !== undefined) {
    return { system: undefined, messages: [{ role: "user", content: system }] };
  }
  if (turns[0]?.role !== "user") turns.unshift({ role: "user", content: [textBlock(opening)] });
  trimLast(turns);
  return { system, messages: turns.map(simplify) };
}

interface Turn {
  readonly role: "user" | "assistant";
  readonly content: JsonObject[];
}

/** For a conversation that the model begins, which this API does not allow. */
const opening = "(The conversation begins.)";

/** Where there is nothing but text, it is written as such. */
function simplify({ role, content }: Turn): JsonObject {
  const [only] = content;
  return { role, content: content.length === 1 && only?.type === "text" ? only.text : content };
}

/** An answer to go on with must not end in space. */
function trimLast(turns: readonly Turn[]): void {
  const last = turns.at(-1);
  const block = last?.content.at(-1);
  if (last?.role !== "assistant" || typeof block?.text !== "string") return;
  last.content[last.content.length - 1] = textBlock(block.text.trimEnd());
}

function encodeMessage(message: ChatMessage): readonly JsonObject[] {
  switch (message.role) {
    case "system":
      return textBlocks(message.text);
    case "user":
      return message.parts.flatMap(encodePart);
    case "tool":
      return [encodeResult(message)];
    case "assistant":
      return message.parts.flatMap(encodeSaid);
  }
}

function encodeSaid(part: AssistantPart): readonly JsonObject[] {
  switch (part.kind) {
    case "reasoning":
      // Without its signature no thought is taken back.
      return part.signature === undefined
        ? []
        : [{ type: "thinking", thinking: part.text, signature: part.signature }];
    case "tool-call": {
      const input = parseJsonExactly(part.argumentsJson);
      return [
        { type: "tool_use", id: toolUseId(part.id), name: part.name, input: isObject(input) ? input : {} },
      ];
    }
    default:
      return textBlocks(part.text);
  }
}

function encodeResult({ callId, parts, isError }: ToolMessage): JsonObject {
  const blocks = parts.flatMap(encodePart);
  const [only] = blocks;
  const content = blocks.length === 1 && only?.type === "text" ? only.text : blocks;
  return {
    type: "tool_result",
    tool_use_id: toolUseId(callId),
    ...(blocks.length > 0 && { content }),
    ...(isError && { is_error: true }),
  };
}

/** Other servers' ids have letters that this API does not take, and conversations move from one to the other. */
export function toolUseId(id: string): string {
  return id === "" ? "call" : id.replace(/[^\w-]/g, "_");
}

function encodePart(part: ContentPart): readonly JsonObject[] {
  switch (part.kind) {
    case "text":
      return textBlocks(part.text);
    case "image":
      return [{ type: "image", source: encodeSource(part.source) }];
    case "document":
      return [encodeDocument(part)];
    case "audio":
      throw new OllaError("not_supported", "An endpoint that speaks only Anthropic's API takes no sound");
  }
}

function encodeDocument({ source, name }: DocumentPart): JsonObject {
  const isText = source.kind === "data" && source.mediaType.startsWith("text/");
  const encoded = isText
    ? encodeSource({ kind: "text", text: Buffer.from(source.base64, "base64").toString() })
    : encodeSource(source);
  return { type: "document", source: encoded, ...(name !== undefined && { title: name }) };
}

const dataUrl = /^data:(?<mediaType>[^;,]*)(?:;[^,]*)?;base64,/;

function encodeSource(source: DataSource | UrlSource | TextSource): JsonObject {
  switch (source.kind) {
    case "text":
      return { type: "text", media_type: "text/plain", data: source.text };
    case "data":
      return base64Source(source.mediaType, source.base64);
    case "url": {
      const { url } = source;
      const found = dataUrl.exec(url);
      if (found === null) return { type: "url", url };
      return base64Source(found.groups?.mediaType || "image/png", url.slice(found[0].length));
    }
  }
}

function base64Source(mediaType: string, data: string): JsonObject {
  return { type: "base64", media_type: mediaType === "image/jpg" ? "image/jpeg" : mediaType, data };
}

/** The API refuses text with nothing to read in it. */
function textBlocks(text: string): readonly JsonObject[] {
  return text.trim() === "" ? [] : [textBlock(text)];
}

function textBlock(text: string): JsonObject {
  return { type: "text", text };
}
