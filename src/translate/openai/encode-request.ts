import { isObject, type JsonObject, parseJson } from "../../lib/json.ts";
import type {
  AnswerFormat,
  AssistantMessage,
  ChatMessage,
  ChatRequest,
  ContentPart,
  ReasoningWish,
  ToolCallPart,
  ToolChoice,
  ToolMessage,
  UserMessage,
} from "../chat-request.ts";
import type { TranslatedRequest, TranslationTarget } from "../client-api.ts";
import { toJsonBytes } from "../wire.ts";
import { arrangeMessages } from "./arrange-messages.ts";

/** Where every kind takes chat completions; `buildUpstreamUrl` puts the kind's own base before it. */
const chatPath = "/v1/chat/completions";

/** Kinds behind which there may be a cloud that refuses members it does not know. */
const strictKinds: ReadonlySet<string> = new Set(["openai-compatible", "litellm"]);

/** Kinds that hand `chat_template_kwargs` to the model's template. */
const templateKinds: ReadonlySet<string> = new Set(["vllm", "sglang", "llamacpp", "lmdeploy"]);

/** What an assistant message calls what was thought before it, at kinds that put it back before the model. */
const thoughtNames: ReadonlyMap<string, readonly string[]> = new Map([
  // The first since the end of 2025, the second before.
  ["vllm", ["reasoning", "reasoning_content"]],
  ["sglang", ["reasoning_content"]],
  ["llamacpp", ["reasoning_content"]],
  ["ollama", ["reasoning"]],
]);

/**
 * A request as chat completions take it.
 * Source: https://platform.openai.com/docs/api-reference/chat/create
 */
export function encodeChatRequest(request: ChatRequest, target: TranslationTarget): TranslatedRequest {
  const { profile, model, defaults } = target;
  const body: Record<string, unknown> = {
    model,
    messages: encodeMessages(request.messages, thoughtNames.get(profile.name) ?? []),
    ...toolMembers(request),
    ...limitMembers(request),
    ...samplingMembers(request, profile.name),
    ...(request.answerFormat && { response_format: encodeFormat(request.answerFormat) }),
    ...(request.reasoning && reasoningMembers(request.reasoning, profile.name)),
    ...(request.user !== undefined && { user: request.user }),
    stream: request.isStream,
    ...(request.isStream && { stream_options: { include_usage: true } }),
  };
  for (const [name, value] of Object.entries(defaults ?? {})) body[name] ??= value;
  return { path: chatPath, body: toJsonBytes(body) };
}

function toolMembers({ tools, toolChoice, allowsParallelTools }: ChatRequest): JsonObject {
  if (tools.length === 0) return {};
  return {
    tools: tools.map(({ name, description, parameters, isStrict }) => ({
      type: "function",
      function: {
        name,
        description: description ?? "",
        parameters,
        ...(isStrict !== undefined && { strict: isStrict }),
      },
    })),
    ...(toolChoice && { tool_choice: encodeToolChoice(toolChoice) }),
    ...(allowsParallelTools !== undefined && { parallel_tool_calls: allowsParallelTools }),
  };
}

function encodeToolChoice(choice: ToolChoice): unknown {
  return choice.kind === "tool" ? { type: "function", function: { name: choice.name } } : choice.kind;
}

function limitMembers({ limits: { maxTokens, stopSequences } }: ChatRequest): JsonObject {
  return {
    ...(maxTokens !== undefined && { max_tokens: maxTokens }),
    ...(stopSequences.length > 0 && { stop: stopSequences }),
  };
}

function samplingMembers({ sampling }: ChatRequest, kind: string): JsonObject {
  const common = {
    temperature: sampling.temperature,
    top_p: sampling.topP,
    seed: sampling.seed,
    presence_penalty: sampling.presencePenalty,
    frequency_penalty: sampling.frequencyPenalty,
  };
  if (strictKinds.has(kind)) return common;
  const repetition = kind === "vllm" || kind === "sglang" ? "repetition_penalty" : "repeat_penalty";
  return { ...common, top_k: sampling.topK, min_p: sampling.minP, [repetition]: sampling.repeatPenalty };
}

function encodeFormat(format: AnswerFormat): JsonObject {
  if (format.kind === "json") return { type: "json_object" };
  const { name, schema, isStrict, description } = format;
  return { type: "json_schema", json_schema: { name, description, schema, strict: isStrict } };
}

function reasoningMembers({ isOn, effort }: ReasoningWish, kind: string): JsonObject {
  if (isOn) return effort === undefined ? {} : { reasoning_effort: effort };
  return templateKinds.has(kind) ? { chat_template_kwargs: { enable_thinking: false } } : {};
}

function encodeMessages(messages: readonly ChatMessage[], names: readonly string[]): readonly JsonObject[] {
  const arranged = arrangeMessages(messages, (part) => plainTextOf(part) !== undefined);
  return arranged.flatMap((message) => encodeMessage(message, names));
}

function encodeMessage(message: ChatMessage, names: readonly string[]): readonly JsonObject[] {
  switch (message.role) {
    case "system":
      return [{ role: "system", content: message.text }];
    case "user":
      return [encodeUserMessage(message)];
    case "tool":
      return [encodeToolMessage(message)];
    case "assistant":
      return encodeAssistantMessage(message, names);
  }
}

function encodeUserMessage({ parts }: UserMessage): JsonObject {
  const isText = parts.every(({ kind }) => kind === "text");
  return { role: "user", content: isText ? joinTexts(parts) : parts.map(encodePart) };
}

/** None for a message of which nothing is left: a thought alone is no turn. */
function encodeAssistantMessage(
  { parts }: AssistantMessage,
  names: readonly string[],
): readonly JsonObject[] {
  const text = parts
    .map((part) => (part.kind === "text" || part.kind === "refusal" ? part.text : ""))
    .join("");
  const calls = parts.flatMap((part) => (part.kind === "tool-call" ? [encodeToolCall(part)] : []));
  if (text === "" && calls.length === 0) return [];
  const thought = parts.map((part) => (part.kind === "reasoning" ? part.text : "")).join("");
  return [
    {
      role: "assistant",
      ...(thought !== "" && Object.fromEntries(names.map((name) => [name, thought]))),
      content: text === "" ? null : text,
      ...(calls.length > 0 && { tool_calls: calls }),
    },
  ];
}

function encodeToolCall({ id, name, argumentsJson }: ToolCallPart): JsonObject {
  // One that was cut off at the limit would make servers refuse the conversation from then on.
  const isWhole = isObject(parseJson(argumentsJson));
  return { id, type: "function", function: { name, arguments: isWhole ? argumentsJson : "{}" } };
}

function encodeToolMessage({ callId, parts, isError }: ToolMessage): JsonObject {
  const text = parts
    .map(plainTextOf)
    .filter((said) => said !== undefined)
    .join("\n");
  const content = isError && !/^error/i.test(text) ? `Error: ${text}` : text;
  return { role: "tool", tool_call_id: callId, content };
}

function joinTexts(parts: readonly ContentPart[]): string {
  return parts.map((part) => (part.kind === "text" ? part.text : "")).join("");
}

/** Undefined for what is not text. */
function plainTextOf(part: ContentPart): string | undefined {
  if (part.kind === "text") return part.text;
  if (part.kind !== "document") return undefined;
  const { source, name } = part;
  if (source.kind === "text") return named(name, source.text);
  if (source.kind === "url") return named(name, source.url);
  return source.mediaType.startsWith("text/")
    ? named(name, Buffer.from(source.base64, "base64").toString())
    : undefined;
}

function encodePart(part: ContentPart): JsonObject {
  switch (part.kind) {
    case "text":
      return { type: "text", text: part.text };
    case "image": {
      const { source, detail } = part;
      const url = source.kind === "url" ? source.url : dataUrl(source.mediaType, source.base64);
      return { type: "image_url", image_url: { url, ...(detail !== undefined && { detail }) } };
    }
    case "audio":
      return { type: "input_audio", input_audio: { data: part.base64, format: part.format } };
    case "document": {
      const { source, name } = part;
      const text = plainTextOf(part);
      if (text !== undefined || source.kind !== "data") return { type: "text", text: text ?? "" };
      const file = {
        filename: name ?? "document",
        file_data: dataUrl(source.mediaType, source.base64),
      };
      return { type: "file", file };
    }
  }
}

function named(name: string | undefined, text: string): string {
  return name === undefined ? text : `${name}:\n${text}`;
}

function dataUrl(mediaType: string, base64: string): string {
  return `data:${mediaType};base64,${base64}`;
}
