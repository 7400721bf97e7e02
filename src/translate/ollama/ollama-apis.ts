import { isObject, type JsonObject, parseJson } from "../../lib/json.ts";
import type { ChatDialect, DecodedRequest } from "../chat-dialect.ts";
import type { ChatMessage } from "../chat-request.ts";
import type { ClientApi, ClientApiName, TranslatedAnswer } from "../client-api.ts";
import { describeGot, invalid } from "../invalid-request.ts";
import { translateChat } from "../translate-chat.ts";
import { filledText, textOf } from "../wire.ts";
import {
  type AnswerTimes,
  chatLine,
  generateLine,
  type LineShape,
  lineHead,
  renderOllamaRefusal,
} from "./answer-line.ts";
import { decodeImages, decodeMessages, decodeTools } from "./decode-messages.ts";
import { decodeOptions } from "./decode-options.ts";
import { encodeOllamaAnswer } from "./encode-answer.ts";
import { OllamaStreamEncoder } from "./encode-stream.ts";
import { translateRaw } from "./raw-generate.ts";

/** Source: https://github.com/ollama/ollama/blob/main/docs/api.md#generate-a-chat-completion */
export const ollamaChatApi = chatApi("ollama-chat", "/api/chat", chatLine, readChatMessages);

/** Source: https://github.com/ollama/ollama/blob/main/docs/api.md#generate-a-completion */
export const ollamaGenerateApi = chatApi(
  "ollama-generate",
  "/api/generate",
  generateLine,
  readGenerateMessages,
);

function chatApi(
  name: ClientApiName,
  path: string,
  shape: LineShape,
  readMessages: (body: JsonObject) => readonly ChatMessage[],
): ClientApi {
  const dialect: ChatDialect<AnswerTimes> = {
    decodeRequest: (body) => decodeRequest(body, readMessages(body), shape),
    encodeAnswer: (answer, context) =>
      encodeOllamaAnswer(answer, context, { ...context.kept, firstPieceAt: undefined }, shape),
    createEncoder: (context) => new OllamaStreamEncoder(context, shape),
    renderRefusal: renderOllamaRefusal,
  };
  return {
    name,
    dialect: "ollama",
    nativePath: (profile) => (profile.paths.includes(path) ? path : undefined),
    translate(request) {
      const translation = translateChat(dialect, request);
      const body = name === "ollama-generate" ? parseJson(textOf(request.body)) : undefined;
      return isObject(body) && body.raw === true ? translateRaw(translation, body) : translation;
    },
  };
}

function decodeRequest(
  body: JsonObject,
  messages: readonly ChatMessage[],
  shape: LineShape,
): DecodedRequest<AnswerTimes> {
  const model = filledText(body.model);
  if (model === undefined) throw invalid("model", "model is required");
  const isStream = body.stream !== false;
  return {
    request: {
      model,
      messages,
      tools: decodeTools(body.tools),
      toolChoice: undefined,
      allowsParallelTools: undefined,
      ...decodeOptions(body),
      isStream,
      user: undefined,
    },
    notices: [],
    kept: { startedAt: Date.now(), firstPieceAt: undefined },
    ownAnswer: messages.length === 0 ? loadAnswer(model, body, isStream, shape) : undefined,
  };
}

/**
 * Nothing to answer means: load the model, or with `keep_alive: 0` unload it. Other kinds of backends have their model
 * loaded all the time, so that is done already.
 */
function loadAnswer(
  model: string,
  { keep_alive: keepAlive }: JsonObject,
  isStream: boolean,
  shape: LineShape,
): TranslatedAnswer {
  const isUnload = keepAlive === 0 || (typeof keepAlive === "string" && /^0+(\.0*)?[a-z]*$/.test(keepAlive));
  const line = {
    ...lineHead(model),
    ...shape.said({ text: "" }),
    done: true,
    done_reason: isUnload ? "unload" : "load",
  };
  const contentType = isStream ? "application/x-ndjson" : "application/json; charset=utf-8";
  return { contentType, body: utf8.encode(`${JSON.stringify(line)}${isStream ? "\n" : ""}`) };
}

const utf8 = new TextEncoder();

function readChatMessages({ messages }: JsonObject): readonly ChatMessage[] {
  if (messages === undefined || messages === null) return [];
  if (!Array.isArray(messages)) {
    throw invalid("messages", `expected a list of messages, got ${describeGot(messages)}`);
  }
  return decodeMessages(messages);
}

function readGenerateMessages(body: JsonObject): readonly ChatMessage[] {
  if (filledText(body.suffix) !== undefined) {
    throw invalid("suffix", "no endpoint that has this model fills text in at /api/generate");
  }
  const prompt = filledText(body.prompt);
  const images = decodeImages(body.images);
  if (prompt === undefined && images.length === 0) return [];
  const system = filledText(body.system);
  const instructions: readonly ChatMessage[] = system === undefined ? [] : [{ role: "system", text: system }];
  const texts = prompt === undefined ? [] : [{ kind: "text" as const, text: prompt }];
  return [...instructions, { role: "user", parts: [...texts, ...images] }];
}
