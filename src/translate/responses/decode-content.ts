import { isObject, type JsonObject } from "../../lib/json.ts";
import type { AssistantPart, ContentPart, TextPart } from "../chat-request.ts";
import { invalid } from "../invalid-request.ts";
import { filledText, objectsOf } from "../wire.ts";

/**
 * What a user or a tool has said.
 * @throws OllaError for a file that only OpenAI's own servers have
 */
export function decodeContent(content: unknown, field: string): readonly ContentPart[] {
  if (typeof content === "string") return content === "" ? [] : [textPart(content)];
  return objectsOf(content).flatMap((part, index) => decodePart(part, `${field}[${index}]`));
}

/** What a model has said. */
export function decodeSaid(content: unknown): readonly AssistantPart[] {
  if (typeof content === "string") return content === "" ? [] : [textPart(content)];
  return objectsOf(content).flatMap((part): AssistantPart[] => {
    if (part.type === "refusal") {
      const refusal = filledText(part.refusal);
      return refusal === undefined ? [] : [{ kind: "refusal", text: refusal }];
    }
    const text = filledText(part.text);
    return text === undefined ? [] : [textPart(text)];
  });
}

export function textPart(text: string): TextPart {
  return { kind: "text", text };
}

function decodePart(part: JsonObject, field: string): readonly ContentPart[] {
  switch (part.type) {
    case "input_image": {
      const url = isObject(part.image_url) ? filledText(part.image_url.url) : filledText(part.image_url);
      if (url === undefined) throw withoutContent(part, field, "image_url");
      return [{ kind: "image", source: { kind: "url", url }, detail: filledText(part.detail) }];
    }
    case "input_file":
      return [decodeFile(part, field)];
    case "input_audio": {
      const audio = isObject(part.input_audio) ? part.input_audio : part;
      const base64 = filledText(audio.data);
      if (base64 === undefined) throw withoutContent(part, field, "input_audio.data");
      return [{ kind: "audio", base64, format: filledText(audio.format) ?? "wav" }];
    }
    default: {
      const text = filledText(part.text);
      return text === undefined ? [] : [textPart(text)];
    }
  }
}

const base64Url = /^data:(?<mediaType>[^;,]*)(?:;[^,]*)?;base64,/;

function decodeFile(part: JsonObject, field: string): ContentPart {
  const name = filledText(part.filename);
  const url = filledText(part.file_url);
  if (url !== undefined) return { kind: "document", source: { kind: "url", url }, name };
  const data = filledText(part.file_data);
  if (data === undefined) throw withoutContent(part, field, "file_data");
  const found = base64Url.exec(data);
  const mediaType = found?.groups?.mediaType || "application/octet-stream";
  const base64 = found === null ? data : data.slice(found[0].length);
  return { kind: "document", source: { kind: "data", mediaType, base64 }, name };
}

/** Better than to ask a model about something that it can't see. */
function withoutContent(part: JsonObject, field: string, member: string) {
  return filledText(part.file_id) === undefined
    ? invalid(`${field}.${member}`, "expected what is to be looked at")
    : invalid(`${field}.file_id`, `no files are kept here, send the content in ${member}`);
}
