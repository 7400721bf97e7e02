import { isObject, type JsonObject } from "../../lib/json.ts";
import type {
  AssistantPart,
  ChatMessage,
  ContentPart,
  DataSource,
  ImagePart,
  ToolMessage,
  UrlSource,
} from "../chat-request.ts";
import { describeGot, invalid } from "../invalid-request.ts";
import { filledText, objectsOf } from "../wire.ts";
import { decodeSystem } from "./decode-system.ts";

/** @throws OllaError `invalid_request` for something that is no message */
export function decodeMessages(messages: readonly unknown[]): readonly ChatMessage[] {
  return messages.flatMap((message, index) => {
    const field = `messages[${index}]`;
    if (!isObject(message)) throw invalid(field, `expected a message, got ${describeGot(message)}`);
    return decodeMessage(message, field);
  });
}

/** The texts of text blocks, one after the other. */
function joinTextBlocks(blocks: unknown): string {
  return objectsOf(blocks)
    .map((block) => (block.type === "text" ? (filledText(block.text) ?? "") : ""))
    .join("");
}

function decodeMessage({ role, content }: JsonObject, field: string): readonly ChatMessage[] {
  if (typeof role !== "string") throw invalid(`${field}.role`, `expected a role, got ${describeGot(role)}`);
  if (typeof content !== "string" && !isObject(content) && !Array.isArray(content)) {
    throw invalid(`${field}.content`, `expected a text or a list of blocks, got ${describeGot(content)}`);
  }
  const blocks = blocksOf(content);
  switch (role) {
    case "assistant": {
      const parts = blocks.flatMap(decodeAssistantBlock);
      return parts.length === 0 ? [] : [{ role: "assistant", parts }];
    }
    case "system": {
      const text = decodeSystem(blocks);
      return text === "" ? [] : [{ role: "system", text }];
    }
    default:
      return decodeUserBlocks(blocks);
  }
}

function blocksOf(content: unknown): readonly JsonObject[] {
  if (typeof content === "string") return [{ type: "text", text: content }];
  return isObject(content) ? [content] : objectsOf(content);
}

/** Endpoints want a tool's answer right behind its call, so all of them come before what the user says. */
function decodeUserBlocks(blocks: readonly JsonObject[]): readonly ChatMessage[] {
  const results: ToolMessage[] = [];
  const parts: ContentPart[] = [];
  for (const block of blocks) {
    if (block.type === "tool_result") results.push(decodeToolResult(block));
    else parts.push(...decodeContentBlock(block));
  }
  return parts.length === 0 ? results : [...results, { role: "user", parts }];
}

function decodeToolResult(block: JsonObject): ToolMessage {
  return {
    role: "tool",
    callId: filledText(block.tool_use_id) ?? "",
    parts: decodeResultContent(block.content),
    isError: block.is_error === true,
  };
}

function decodeResultContent(content: unknown): readonly ContentPart[] {
  if (content === undefined || content === null || content === "") return [];
  if (typeof content === "string") return [{ kind: "text", text: content }];
  return (Array.isArray(content) ? content : [content]).flatMap(decodeResultBlock);
}

/** Whatever a tool said reaches the model, in JSON if need be. */
function decodeResultBlock(block: unknown): readonly ContentPart[] {
  const parts = isObject(block) ? decodeContentBlock(block) : [];
  const isEmptyText = isObject(block) && block.type === "text" && block.text === "";
  if (parts.length > 0 || isEmptyText) return parts;
  return [{ kind: "text", text: typeof block === "string" ? block : JSON.stringify(block) }];
}

function decodeContentBlock(block: JsonObject): readonly ContentPart[] {
  switch (block.type) {
    case "text": {
      const text = filledText(block.text);
      return text === undefined ? [] : [{ kind: "text", text }];
    }
    case "image":
      return decodeImage(block.source);
    case "document":
      return decodeDocument(block);
    case "search_result": {
      const text = joinTextBlocks(block.content);
      const title = filledText(block.title);
      return text === "" ? [] : [{ kind: "document", source: { kind: "text", text }, name: title }];
    }
    default:
      return [];
  }
}

function decodeImage(source: unknown): readonly ImagePart[] {
  const decoded = decodeSource(source);
  return decoded === undefined ? [] : [{ kind: "image", source: decoded }];
}

function decodeDocument({ source, title }: JsonObject): readonly ContentPart[] {
  if (!isObject(source)) return [];
  const name = filledText(title);
  const text = source.type === "text" ? filledText(source.data) : undefined;
  if (text !== undefined) return [{ kind: "document", source: { kind: "text", text }, name }];
  if (source.type === "content") return blocksOf(source.content).flatMap(decodeContentBlock);
  const decoded = decodeSource(source);
  return decoded === undefined ? [] : [{ kind: "document", source: decoded, name }];
}

function decodeSource(source: unknown): DataSource | UrlSource | undefined {
  if (!isObject(source)) return undefined;
  const url = filledText(source.url);
  if (source.type === "url" && url !== undefined) return { kind: "url", url };
  const base64 = filledText(source.data);
  if (source.type !== "base64" || base64 === undefined) return undefined;
  return { kind: "data", mediaType: filledText(source.media_type) ?? "application/octet-stream", base64 };
}

function decodeAssistantBlock(block: JsonObject): readonly AssistantPart[] {
  switch (block.type) {
    case "text": {
      const text = filledText(block.text);
      return text === undefined ? [] : [{ kind: "text", text }];
    }
    case "thinking": {
      const text = filledText(block.thinking);
      return text === undefined ? [] : [{ kind: "reasoning", text, signature: filledText(block.signature) }];
    }
    case "tool_use": {
      const id = filledText(block.id);
      const name = filledText(block.name);
      if (id === undefined || name === undefined) return [];
      return [{ kind: "tool-call", id, name, argumentsJson: JSON.stringify(block.input ?? {}) }];
    }
    default:
      return [];
  }
}
