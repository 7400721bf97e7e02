import { isObject, type JsonObject } from "../../../lib/json.ts";
import type { AssistantPart, ChatMessage, ContentPart, ImagePart } from "../../chat-request.ts";
import { describeGot, invalid } from "../../invalid-request.ts";
import { filledText, objectsOf } from "../../wire.ts";

/** @throws OllaError `invalid_request` for something that is no message */
export function decodeMessages(messages: unknown): readonly ChatMessage[] {
  if (!Array.isArray(messages)) {
    throw invalid("messages", `expected a list of messages, got ${describeGot(messages)}`);
  }
  if (messages.length === 0) throw invalid("messages", "at least one message is required");
  const decoded = messages.flatMap((message, index) => {
    const field = `messages[${index}]`;
    if (!isObject(message)) throw invalid(field, `expected a message, got ${describeGot(message)}`);
    return decodeMessage(message, field);
  });
  if (decoded.length === 0) throw invalid("messages", "expected at least one message with content");
  return decoded;
}

function decodeMessage(message: JsonObject, field: string): readonly ChatMessage[] {
  const parts = () => decodeContent(message.content, `${field}.content`);
  switch (message.role) {
    case "system":
    case "developer": {
      const text = joinTexts(parts());
      return text === "" ? [] : [{ role: "system", text }];
    }
    case "user": {
      const said = parts();
      return said.length === 0 ? [] : [{ role: "user", parts: said }];
    }
    case "assistant": {
      const said = decodeAssistant(message, field);
      return said.length === 0 ? [] : [{ role: "assistant", parts: said }];
    }
    case "tool": {
      const callId = filledText(message.tool_call_id);
      if (callId === undefined) throw invalid(`${field}.tool_call_id`, "expected the id of the call");
      return [{ role: "tool", callId, parts: parts(), isError: false }];
    }
    default: {
      const got = filledText(message.role) ?? describeGot(message.role);
      throw invalid(`${field}.role`, `expected system, developer, user, assistant or tool, got ${got}`);
    }
  }
}

function decodeContent(content: unknown, field: string): readonly ContentPart[] {
  if (content === undefined || content === null || content === "") return [];
  if (typeof content === "string") return [{ kind: "text", text: content }];
  if (!Array.isArray(content)) {
    throw invalid(field, `expected a text or a list of parts, got ${describeGot(content)}`);
  }
  return content.flatMap((part, index) => {
    if (isObject(part)) return decodePart(part, `${field}[${index}]`);
    throw invalid(`${field}[${index}]`, `expected a part, got ${describeGot(part)}`);
  });
}

function decodePart(part: JsonObject, field: string): readonly ContentPart[] {
  switch (part.type) {
    case "text": {
      const text = filledText(part.text);
      return text === undefined ? [] : [{ kind: "text", text }];
    }
    case "image_url":
      return [decodeImage(part, field)];
    case "input_audio": {
      const { data, format } = isObject(part.input_audio) ? part.input_audio : {};
      const base64 = filledText(data);
      if (base64 === undefined) throw invalid(`${field}.input_audio.data`, "expected the sound in base64");
      return [{ kind: "audio", base64, format: filledText(format) ?? "wav" }];
    }
    case "file":
      return [decodeFile(isObject(part.file) ? part.file : {}, field)];
    default: {
      // Better than to ask a model about something that it can't see.
      const got = filledText(part.type) ?? describeGot(part.type);
      throw invalid(`${field}.type`, `expected text, image_url, input_audio or file, got ${got}`);
    }
  }
}

const base64Url = /^data:(?<mediaType>[^;,]*)(?:;[^,]*)?;base64,/;

function decodeImage({ image_url: given }: JsonObject, field: string): ImagePart {
  const url = isObject(given) ? filledText(given.url) : filledText(given);
  if (url === undefined) throw invalid(`${field}.image_url`, "expected a url");
  const detail = isObject(given) ? filledText(given.detail) : undefined;
  const found = base64Url.exec(url);
  const source: ImagePart["source"] =
    found === null
      ? { kind: "url", url }
      : {
          kind: "data",
          mediaType: found.groups?.mediaType || "image/png",
          base64: url.slice(found[0].length),
        };
  return { kind: "image", source, ...(detail !== undefined && { detail }) };
}

function decodeFile({ file_data: given, file_id: id, filename }: JsonObject, field: string): ContentPart {
  const data = filledText(given);
  if (data === undefined) {
    throw filledText(id) === undefined
      ? invalid(`${field}.file.file_data`, "expected the content of the file")
      : invalid(`${field}.file.file_id`, "no files are kept here, send the content in file_data");
  }
  const found = base64Url.exec(data);
  const mediaType = found?.groups?.mediaType || "application/pdf";
  const base64 = found === null ? data : data.slice(found[0].length);
  return { kind: "document", source: { kind: "data", mediaType, base64 }, name: filledText(filename) };
}

function decodeAssistant(message: JsonObject, field: string): readonly AssistantPart[] {
  const parts: AssistantPart[] = [];
  const thought = filledText(message.reasoning_content) ?? filledText(message.reasoning);
  if (thought !== undefined) parts.push({ kind: "reasoning", text: thought });
  if (Array.isArray(message.content)) {
    for (const part of objectsOf(message.content)) {
      const text = filledText(part.text) ?? filledText(part.refusal);
      if (text !== undefined) parts.push({ kind: part.type === "refusal" ? "refusal" : "text", text });
    }
  } else {
    const text = filledText(message.content);
    if (text !== undefined) parts.push({ kind: "text", text });
  }
  const refusal = filledText(message.refusal);
  if (refusal !== undefined) parts.push({ kind: "refusal", text: refusal });
  for (const [index, call] of objectsOf(message.tool_calls).entries()) {
    parts.push(decodeCall(call, `${field}.tool_calls[${index}]`));
  }
  return parts;
}

function decodeCall(call: JsonObject, field: string): AssistantPart {
  const details = isObject(call.function) ? call.function : {};
  const id = filledText(call.id);
  const name = filledText(details.name);
  if (id === undefined) throw invalid(`${field}.id`, `expected an id, got ${describeGot(call.id)}`);
  if (name === undefined) throw invalid(`${field}.function.name`, "expected the name of a function");
  const given = details.arguments;
  const argumentsJson = isObject(given) ? JSON.stringify(given) : (filledText(given) ?? "{}");
  return { kind: "tool-call", id, name, argumentsJson };
}

function joinTexts(parts: readonly ContentPart[]): string {
  return parts.map((part) => (part.kind === "text" ? part.text : "")).join("");
}
