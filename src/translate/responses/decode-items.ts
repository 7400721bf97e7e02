import type { AssistantPart, ChatMessage, ContentPart, ReasoningPart } from "../chat-request.ts";
import { describeGot, invalid } from "../invalid-request.ts";
import { filledText, isObject, type JsonObject, objectsOf } from "../wire.ts";
import { freeTextMember } from "./decode-tools.ts";

/** What a Responses request has in `input`: a text, or items. @throws OllaError for something that is neither */
export function itemsOfInput(input: unknown): readonly JsonObject[] {
  if (input === undefined || input === null) return [];
  if (typeof input === "string") return input === "" ? [] : [{ role: "user", content: input }];
  if (!Array.isArray(input)) {
    throw invalid("input", `expected a text or a list of items, got ${describeGot(input)}`);
  }
  return input.map((item, index) => {
    if (typeof item === "string") return { role: "user", content: item };
    if (!isObject(item)) throw invalid(`input[${index}]`, `expected an item, got ${describeGot(item)}`);
    return item;
  });
}

/**
 * Items in their order as messages. What one turn of the model said, thought and called becomes one message. Kinds of
 * items that no chat model knows are left out.
 * Source: https://platform.openai.com/docs/api-reference/responses/create#responses-create-input
 */
export function decodeItems(items: readonly JsonObject[]): readonly ChatMessage[] {
  const messages: ChatMessage[] = [];
  let turn: AssistantPart[] = [];
  const endTurn = () => {
    // Thoughts alone are no message.
    if (turn.some(({ kind }) => kind !== "reasoning")) messages.push({ role: "assistant", parts: turn });
    turn = [];
  };
  for (const item of items) {
    const said = decodeAssistantItem(item);
    if (said !== undefined) {
      turn.push(...said);
      continue;
    }
    const message = decodeOtherItem(item);
    if (message === undefined) continue;
    endTurn();
    messages.push(message);
  }
  endTurn();
  return messages;
}

/** Undefined for an item that the model did not say. */
function decodeAssistantItem(item: JsonObject): readonly AssistantPart[] | undefined {
  switch (typeOf(item)) {
    case "message":
      return item.role === "assistant" ? decodeAssistantContent(item.content) : undefined;
    case "function_call":
      return decodeCall(item, filledText(item.arguments) ?? "{}");
    case "custom_tool_call":
      return decodeCall(item, JSON.stringify({ [freeTextMember]: filledText(item.input) ?? "" }));
    case "reasoning":
      return decodeReasoning(item);
    default:
      return undefined;
  }
}

function decodeOtherItem(item: JsonObject): ChatMessage | undefined {
  switch (typeOf(item)) {
    case "message": {
      const parts = decodeContent(item.content);
      if (item.role === "system" || item.role === "developer") {
        const text = parts.map((part) => (part.kind === "text" ? part.text : "")).join("\n");
        return text === "" ? undefined : { role: "system", text };
      }
      return parts.length === 0 ? undefined : { role: "user", parts };
    }
    case "function_call_output":
    case "custom_tool_call_output": {
      const parts = isObject(item.output)
        ? [textPart(JSON.stringify(item.output))]
        : decodeContent(item.output);
      return { role: "tool", callId: filledText(item.call_id) ?? "", parts, isError: false };
    }
    default:
      return undefined;
  }
}

/** Some clients leave the type of a message out. */
function typeOf({ type, role }: JsonObject): unknown {
  return type ?? (role === undefined ? undefined : "message");
}

function decodeCall(item: JsonObject, argumentsJson: string): readonly AssistantPart[] {
  const id = filledText(item.call_id) ?? filledText(item.id);
  const name = filledText(item.name);
  return id === undefined || name === undefined ? [] : [{ kind: "tool-call", id, name, argumentsJson }];
}

function decodeReasoning({ content, summary }: JsonObject): readonly ReasoningPart[] {
  const texts = objectsOf(content).length > 0 ? objectsOf(content) : objectsOf(summary);
  const text = texts.map((part) => filledText(part.text) ?? "").join("\n");
  return text === "" ? [] : [{ kind: "reasoning", text }];
}

function decodeAssistantContent(content: unknown): readonly AssistantPart[] {
  if (typeof content === "string") return content === "" ? [] : [textPart(content)];
  return objectsOf(content).flatMap((part): AssistantPart[] => {
    if (part.type === "refusal") return [{ kind: "refusal", text: filledText(part.refusal) ?? "" }];
    const text = filledText(part.text);
    return text === undefined ? [] : [textPart(text)];
  });
}

function decodeContent(content: unknown): readonly ContentPart[] {
  if (typeof content === "string") return content === "" ? [] : [textPart(content)];
  return objectsOf(content).flatMap((part) => decodeContentPart(part));
}

function decodeContentPart(part: JsonObject): readonly ContentPart[] {
  switch (part.type) {
    case "input_image": {
      const url = isObject(part.image_url) ? filledText(part.image_url.url) : filledText(part.image_url);
      const detail = filledText(part.detail);
      return url === undefined ? [] : [{ kind: "image", source: { kind: "url", url }, detail }];
    }
    case "input_file":
      return decodeFile(part);
    case "input_audio": {
      const audio = isObject(part.input_audio) ? part.input_audio : part;
      const base64 = filledText(audio.data);
      return base64 === undefined
        ? []
        : [{ kind: "audio", base64, format: filledText(audio.format) ?? "wav" }];
    }
    default: {
      const text = filledText(part.text);
      return text === undefined ? [] : [textPart(text)];
    }
  }
}

const base64Url = /^data:(?<mediaType>[^;,]*)(?:;[^,]*)?;base64,/;

function decodeFile(part: JsonObject): readonly ContentPart[] {
  const name = filledText(part.filename);
  const url = filledText(part.file_url);
  if (url !== undefined) return [{ kind: "document", source: { kind: "url", url }, name }];
  const data = filledText(part.file_data);
  if (data === undefined) return [];
  const found = base64Url.exec(data);
  const mediaType = found?.groups?.mediaType || "application/octet-stream";
  const base64 = found === null ? data : data.slice(found[0].length);
  return [{ kind: "document", source: { kind: "data", mediaType, base64 }, name }];
}

function textPart(text: string): { readonly kind: "text"; readonly text: string } {
  return { kind: "text", text };
}
