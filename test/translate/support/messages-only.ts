import { isObject, type JsonObject } from "../../../src/lib/json.ts";
import type { Translation, TranslationTarget } from "../../../src/translate/client-api.ts";
import { createChatCompletionsApi } from "../../../src/translate/openai/client/chat-completions-api.ts";
import { targetOf } from "./translate-stream.ts";

/** An endpoint that speaks Anthropic's API and nothing else. */
export function messagesOnlyTarget(defaults?: JsonObject): TranslationTarget {
  const { profile, model } = targetOf("vllm");
  const anthropic = {
    messagesPath: "/v1/messages",
    countsTokens: false,
    limitations: [],
    isOnlyDialect: true,
    defaultMaxTokens: 4_096,
  };
  return { profile: { ...profile, name: "claude", openaiCompatible: false, anthropic }, model, defaults };
}

export const streamedChat = {
  model: "asked-model",
  stream: true,
  stream_options: { include_usage: true },
  messages: [{ role: "user", content: "Where does the river begin?" }],
};

export function translateChatCompletions(body: object): Translation {
  const bytes = new TextEncoder().encode(JSON.stringify(body));
  return createChatCompletionsApi("/v1/chat/completions").translate({ body: bytes, requestId: "req-1" });
}

/** What such an endpoint is asked for a request of these members besides the required ones. */
export function askedOf(members: object, defaults?: JsonObject): JsonObject {
  const { messages } = streamedChat;
  const translation = translateChatCompletions({ model: "asked-model", messages, ...members });
  return JSON.parse(new TextDecoder().decode(translation.encode(messagesOnlyTarget(defaults)).body));
}

/** The client's text for an endpoint's stream that came in these pieces and then ended, without what chance makes. */
export function chatText(pieces: Iterable<Uint8Array>, body: object = streamedChat): string {
  const stream = translateChatCompletions(body).openStream(messagesOnlyTarget());
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let text = "";
  const take = (bytes: Uint8Array | undefined) => {
    // Whole events only, so no piece may end inside a character.
    if (bytes !== undefined) text += decoder.decode(bytes);
  };
  for (const piece of pieces) take(stream.push(piece));
  take(stream.end());
  return text.replace(/chatcmpl-\w{24}/g, "chatcmpl-any").replace(/"created":\d+/g, '"created":0');
}

/** Reads what we wrote, and takes nothing but the one form that we write: one line of data, an empty line. */
export function parseChunks(text: string): (JsonObject | "[DONE]")[] {
  return text
    .slice(0, -2)
    .split("\n\n")
    .map((block) => {
      const [, data = ""] = /^data: ([^\n\r]*)$/.exec(block) ?? [];
      if (data === "[DONE]") return data;
      const chunk: unknown = JSON.parse(data);
      if (!isObject(chunk)) throw new Error(`${block} is no chunk`);
      return chunk;
    });
}
