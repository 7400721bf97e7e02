import { isObject, type JsonObject, parseJson } from "../../lib/json.ts";
import type { AnswerStream, Translation } from "../client-api.ts";
import { withoutWords } from "../openai/client/untranslatable-api.ts";
import { createSseReader, sseEvent } from "../sse-reader.ts";
import { filledText, objectsOf, textOf, toJsonBytes } from "../wire.ts";

/** Where every kind takes a text to go on with. */
const completionsPath = "/v1/completions";

/** Tokens. Without a limit most servers stop after 16, and Ollama's own "as many as it takes" is in no other's words. */
const defaultMaxTokens = 1_024;

/** Members that only a conversation has. */
const chatOnly: ReadonlySet<string> = new Set(["messages", "tools", "tool_choice", "parallel_tool_calls"]);

/**
 * A prompt with `raw: true` has gone through the model's template already, so it must not go through it again: it goes
 * to the endpoint's text completions. Their answers differ from chat completions in where the text stands.
 * @param chat the translation of the same request into chat completions
 */
export function translateRaw(chat: Translation, { prompt }: JsonObject): Translation {
  return {
    ...chat,
    encode(target) {
      if (target.profile.anthropic?.isOnlyDialect === true) throw withoutWords("text completions");
      const members = parseJson(textOf(chat.encode(target).body));
      const kept = Object.entries(isObject(members) ? members : {}).filter(([name]) => !chatOnly.has(name));
      const body = { max_tokens: defaultMaxTokens, ...Object.fromEntries(kept), prompt };
      return { path: completionsPath, body: toJsonBytes(body) };
    },
    decodeWhole: (body, target) => chat.decodeWhole(asChatAnswer(body), target),
    openStream: (target) => new RawStream(chat.openStream(target)),
  };
}

function asChatAnswer(body: Uint8Array): Uint8Array {
  const answer = parseJson(textOf(body));
  if (!isObject(answer) || answer.error) return body;
  const choices = objectsOf(answer.choices).map((choice) => ({
    ...choice,
    message: { role: "assistant", content: filledText(choice.text) ?? "" },
  }));
  return toJsonBytes({ ...answer, choices });
}

const utf8 = new TextEncoder();

/** Hands each event on as a chat completion chunk. */
class RawStream implements AnswerStream {
  readonly contentType: string;
  readonly #chat: AnswerStream;
  #text = "";

  readonly #reader = createSseReader({
    onEvent: ({ event, data }) => {
      this.#text += asChatEvent(event, data);
    },
    onUnknownField: (field, value) => {
      this.#text += `${field}: ${value}\n`;
    },
    onTooLong: () => {
      this.#text += sseEvent("error", { message: "The endpoint sent an event that is too long" });
    },
  });

  constructor(chat: AnswerStream) {
    this.contentType = chat.contentType;
    this.#chat = chat;
  }

  get hasFailed(): boolean {
    return this.#chat.hasFailed;
  }

  push(chunk: Uint8Array): Uint8Array | undefined {
    this.#reader.push(chunk);
    return this.#handOn();
  }

  end(): Uint8Array | undefined {
    this.#reader.end();
    const said = this.#handOn() ?? new Uint8Array(0);
    const last = this.#chat.end() ?? new Uint8Array(0);
    return Buffer.concat([said, last]);
  }

  fail(error: Parameters<AnswerStream["fail"]>[0]): Uint8Array {
    return this.#chat.fail(error);
  }

  #handOn(): Uint8Array | undefined {
    if (this.#text === "") return undefined;
    const bytes = utf8.encode(this.#text);
    this.#text = "";
    return this.#chat.push(bytes);
  }
}

function asChatEvent(name: string | undefined, data: string): string {
  const chunk = parseJson(data);
  if (!isObject(chunk))
    return `${name === undefined ? "" : `event: ${name}\n`}data: ${data.replaceAll("\n", " ")}\n\n`;
  const choices = objectsOf(chunk.choices).map((choice) => ({
    ...choice,
    delta: { content: filledText(choice.text) ?? "" },
  }));
  return sseEvent(name, choices.length === 0 ? chunk : { ...chunk, choices });
}
