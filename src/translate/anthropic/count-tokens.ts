import { OllaError } from "../../errors.ts";
import { isObject, type JsonObject, parseJson } from "../../lib/json.ts";
import type { Profile } from "../../profiles/profile.ts";
import type { ChatRequest } from "../chat-request.ts";
import { encodeChatRequest } from "../openai/encode-request.ts";
import { count, filledText, objectsOf, textOf } from "../wire.ts";
import { decodeAnthropicRequest } from "./decode-request.ts";

/** Who counted: the endpoint's own `count_tokens`, its tokenizer, or Olla by the length. */
export type CountSource = "native" | "tokenizer" | "estimate";

/** A request of which only the number of tokens is wanted. */
export interface CountRequest {
  readonly body: JsonObject;
  /** What the endpoint knows the model by. */
  readonly model: string;
  readonly profile: Profile;
}

/** How an endpoint is asked for a number of tokens. */
export interface CountQuestion {
  readonly source: CountSource;
  /** Takes POST and JSON. */
  readonly path: string;
  readonly body: JsonObject;
  /** Undefined for an answer that holds no number. */
  readonly read: (answer: JsonObject) => number | undefined;
}

/** @throws OllaError `invalid_request` for what is no JSON object */
export function parseCountRequest(body: Uint8Array | undefined): JsonObject {
  const parsed = body === undefined ? undefined : parseJson(textOf(body));
  if (isObject(parsed)) return parsed;
  const what = body === undefined ? "the request body is empty" : "the body is no JSON object";
  throw new OllaError("invalid_request", `failed to parse request: ${what}`);
}

/** Undefined where the kind cannot be asked at its own `count_tokens`. */
export function nativeCountQuestion({ body, model, profile }: CountRequest): CountQuestion | undefined {
  if (profile.anthropic?.countsTokens !== true) return undefined;
  return {
    source: "native",
    path: `${profile.anthropic.messagesPath}/count_tokens`,
    body: { ...body, model },
    read: (answer) => count(answer.input_tokens),
  };
}

/**
 * Undefined where the kind has no tokenizer, or the request is none that could be put to it.
 * Sources: https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html#tokenizer-api,
 * https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md,
 * https://docs.sglang.ai/basic_usage/native_api.html
 */
export function tokenizerQuestion(request: CountRequest): CountQuestion | undefined {
  const question = tokenizers.get(request.profile.name)?.(request);
  return question === undefined ? undefined : { source: "tokenizer", path: "/tokenize", ...question };
}

type TokenizerQuestion = Pick<CountQuestion, "body" | "read">;

const tokenizers: ReadonlyMap<string, (request: CountRequest) => TokenizerQuestion | undefined> = new Map([
  ["vllm", askWithMessages],
  [
    "llamacpp",
    ({ body, model }) => ({
      body: { model, content: joinTexts(body), add_special: true },
      read: ({ tokens }) => (Array.isArray(tokens) ? tokens.length : undefined),
    }),
  ],
  [
    "sglang",
    ({ body, model }) => ({
      body: { model, prompt: joinTexts(body), add_special_tokens: true },
      read: (answer) => count(answer.count),
    }),
  ],
]);

/** vLLM puts the messages into the model's template first, as it does for an answer. */
function askWithMessages({ body, model, profile }: CountRequest): TokenizerQuestion | undefined {
  const request = decodeLeniently(body);
  if (request === undefined) return undefined;
  const encoded = encodeChatRequest(request, { profile, model, defaults: undefined });
  const chat = parseJson(textOf(encoded.body));
  if (!isObject(chat)) return undefined;
  const { messages, tools, chat_template_kwargs } = chat;
  return {
    body: { model, messages, tools, chat_template_kwargs, add_generation_prompt: true },
    read: (answer) => count(answer.count),
  };
}

/** `max_tokens` says nothing about the input, and this API does not have it. */
function decodeLeniently(body: JsonObject): ChatRequest | undefined {
  try {
    return decodeAnthropicRequest({ model: "any", ...body, max_tokens: 1, stream: false }).request;
  } catch (error) {
    if (error instanceof OllaError) return undefined;
    throw error;
  }
}

/** Everything that a model is given to read of a request; the same parts as the estimate counts. */
export function joinTexts({ system, messages, tools }: JsonObject): string {
  const texts = [
    ...textsOf(system),
    ...objectsOf(messages).flatMap(({ content }) => textsOf(content)),
    ...objectsOf(tools).flatMap(({ name, description, input_schema: schema }) => [
      filledText(name),
      filledText(description),
      jsonOf(schema),
    ]),
  ];
  return texts.filter((text) => text !== undefined).join("\n");
}

function textsOf(content: unknown): readonly (string | undefined)[] {
  if (!Array.isArray(content)) return [filledText(content)];
  return objectsOf(content).flatMap((block) => {
    switch (block.type) {
      case "text":
        return [filledText(block.text)];
      case "tool_use":
        return [filledText(block.name), jsonOf(block.input)];
      case "tool_result":
        return textsOf(block.content);
      default:
        return [];
    }
  });
}

function jsonOf(value: unknown): string | undefined {
  return isObject(value) ? JSON.stringify(value) : undefined;
}
