import { isObject, type JsonObject } from "../../lib/json.ts";
import type { AssistantPart, ChatMessage, ContentPart, ToolDefinition } from "../chat-request.ts";
import { describeGot, invalid } from "../invalid-request.ts";
import { filledText, objectsOf } from "../wire.ts";

/**
 * Messages of `/api/chat`. Its tool calls have no ids, or clients leave them out: results are matched to calls by the
 * tool's name, else in their order.
 * @throws OllaError for something that is no message
 */
export function decodeMessages(messages: readonly unknown[]): readonly ChatMessage[] {
  const calls = new OpenCalls();
  return messages.flatMap((message, index) => {
    const field = `messages[${index}]`;
    if (!isObject(message)) throw invalid(field, `expected a message, got ${describeGot(message)}`);
    const { content } = message;
    if (content !== undefined && content !== null && typeof content !== "string") {
      throw invalid(`${field}.content`, `expected a text, got ${describeGot(content)}`);
    }
    return decodeMessage(message, calls);
  });
}

export function decodeTools(tools: unknown): readonly ToolDefinition[] {
  return objectsOf(tools).flatMap((tool) => {
    const details = isObject(tool.function) ? tool.function : tool;
    const name = filledText(details.name);
    if (name === undefined) return [];
    const parameters = isObject(details.parameters) ? details.parameters : { type: "object", properties: {} };
    return [{ name, description: filledText(details.description), parameters, isStrict: undefined }];
  });
}

/** Base64 without a word about what it is; all that Ollama takes. */
export function decodeImages(images: unknown): readonly ContentPart[] {
  if (!Array.isArray(images)) return [];
  return images.flatMap((image: unknown): ContentPart[] => {
    const base64 = filledText(image);
    if (base64 === undefined) return [];
    if (base64.startsWith("data:")) return [{ kind: "image", source: { kind: "url", url: base64 } }];
    const mediaType = mediaTypes.find(([beginning]) => base64.startsWith(beginning))?.[1] ?? "image/png";
    return [{ kind: "image", source: { kind: "data", mediaType, base64 } }];
  });
}

/** How the first bytes of each format look in base64. */
const mediaTypes: readonly (readonly [beginning: string, mediaType: string])[] = [
  ["/9j/", "image/jpeg"],
  ["iVBOR", "image/png"],
  ["R0lGOD", "image/gif"],
  ["UklGR", "image/webp"],
];

function decodeMessage(message: JsonObject, calls: OpenCalls): readonly ChatMessage[] {
  const text = filledText(message.content);
  const texts: readonly ContentPart[] = text === undefined ? [] : [{ kind: "text", text }];
  switch (message.role) {
    case "system":
      return text === undefined ? [] : [{ role: "system", text }];
    case "assistant": {
      const parts = [...decodeThinking(message), ...decodeSaid(text), ...decodeCalls(message, calls)];
      return parts.length === 0 ? [] : [{ role: "assistant", parts }];
    }
    case "tool": {
      const name = filledText(message.tool_name) ?? filledText(message.name);
      const callId = filledText(message.tool_call_id) ?? calls.take(name);
      return [{ role: "tool", callId, parts: [...texts, ...decodeImages(message.images)], isError: false }];
    }
    default: {
      const parts = [...texts, ...decodeImages(message.images)];
      return [{ role: "user", parts: parts.length > 0 ? parts : [{ kind: "text", text: "" }] }];
    }
  }
}

function decodeThinking({ thinking }: JsonObject): readonly AssistantPart[] {
  const text = filledText(thinking);
  return text === undefined ? [] : [{ kind: "reasoning", text }];
}

function decodeSaid(text: string | undefined): readonly AssistantPart[] {
  return text === undefined ? [] : [{ kind: "text", text }];
}

function decodeCalls({ tool_calls: toolCalls }: JsonObject, calls: OpenCalls): readonly AssistantPart[] {
  return objectsOf(toolCalls).flatMap((call): AssistantPart[] => {
    const details = isObject(call.function) ? call.function : {};
    const name = filledText(details.name);
    if (name === undefined) return [];
    const given = details.arguments;
    const argumentsJson = isObject(given) ? JSON.stringify(given) : (filledText(given) ?? "{}");
    return [{ kind: "tool-call", id: calls.open(name, filledText(call.id)), name, argumentsJson }];
  });
}

/** Calls whose results have not come yet, in their order. */
class OpenCalls {
  #calls: { readonly id: string; readonly name: string }[] = [];
  #count = 0;

  open(name: string, id: string | undefined): string {
    const call = { id: id ?? `call_${this.#count}`, name };
    this.#count += 1;
    this.#calls.push(call);
    return call.id;
  }

  /** The id of the call that a result belongs to. */
  take(name: string | undefined): string {
    const call = this.#calls.find((each) => each.name === name) ?? this.#calls[0];
    this.#calls = this.#calls.filter((each) => each !== call);
    return call?.id ?? `call_${this.#count}`;
  }
}
