import { isObject, type JsonObject } from "../../../lib/json.ts";
import type { DecodedRequest } from "../../chat-dialect.ts";
import type { AnswerFormat, AnswerLimits, ReasoningWish, Sampling } from "../../chat-request.ts";
import { droppedToolsHeader } from "../../dropped-tools.ts";
import { describeGot, invalid, optionalBoolean, optionalNumber } from "../../invalid-request.ts";
import { filledText } from "../../wire.ts";
import { schemaFormat } from "../schema-format.ts";
import { decodeMessages } from "./decode-messages.ts";
import { decodeTools } from "./decode-tools.ts";

/** What the answer is written with besides the request. */
export interface ChatWishes {
  /** `stream_options.include_usage`. */
  readonly includesUsage: boolean;
}

/**
 * A request for a chat completion, with the members that local servers have added to OpenAI's. What it does not know
 * it leaves out.
 * Source: https://platform.openai.com/docs/api-reference/chat/create
 * @throws OllaError `invalid_request`
 */
export function decodeChatRequest(body: JsonObject): DecodedRequest<ChatWishes> {
  const model = filledText(body.model);
  if (model === undefined) throw invalid("model", `expected a text, got ${describeGot(body.model)}`);
  const choices = optionalNumber(body.n, "n", { min: 1 }) ?? 1;
  if (choices !== 1) throw invalid("n", "this model's endpoint gives one answer at a time");
  const { tools, choice, dropped } = decodeTools(body);
  const options = isObject(body.stream_options) ? body.stream_options : {};
  return {
    request: {
      model,
      messages: decodeMessages(body.messages),
      tools,
      toolChoice: choice,
      allowsParallelTools: optionalBoolean(body.parallel_tool_calls, "parallel_tool_calls"),
      limits: decodeLimits(body),
      sampling: decodeSampling(body),
      answerFormat: decodeFormat(body.response_format),
      reasoning: decodeReasoning(body),
      isStream: optionalBoolean(body.stream, "stream") ?? false,
      user: filledText(body.user),
    },
    notices: droppedToolsHeader(dropped),
    kept: { includesUsage: options.include_usage === true },
  };
}

function decodeLimits(body: JsonObject): AnswerLimits {
  const isNewer = body.max_completion_tokens !== undefined && body.max_completion_tokens !== null;
  const field = isNewer ? "max_completion_tokens" : "max_tokens";
  return { maxTokens: wholeNumber(body[field], field, 1), stopSequences: decodeStops(body.stop) };
}

function decodeStops(stop: unknown): readonly string[] {
  if (stop === undefined || stop === null) return [];
  if (typeof stop === "string") return [stop];
  if (!Array.isArray(stop)) throw invalid("stop", `expected a text or a list, got ${describeGot(stop)}`);
  return stop.map((each: unknown, index) => {
    if (typeof each === "string") return each;
    throw invalid(`stop[${index}]`, `expected a text, got ${describeGot(each)}`);
  });
}

const anyNumber = { min: Number.NEGATIVE_INFINITY };

function decodeSampling(body: JsonObject): Sampling {
  return {
    temperature: optionalNumber(body.temperature, "temperature", { min: 0, max: 2 }),
    topP: optionalNumber(body.top_p, "top_p", { min: 0, max: 1 }),
    // vLLM's way to say "all".
    topK: body.top_k === -1 ? undefined : wholeNumber(body.top_k, "top_k", 0),
    minP: optionalNumber(body.min_p, "min_p", { min: 0, max: 1 }),
    seed: optionalNumber(body.seed, "seed", anyNumber),
    presencePenalty: optionalNumber(body.presence_penalty, "presence_penalty", anyNumber),
    frequencyPenalty: optionalNumber(body.frequency_penalty, "frequency_penalty", anyNumber),
    repeatPenalty: optionalNumber(
      body.repetition_penalty ?? body.repeat_penalty,
      "repetition_penalty",
      anyNumber,
    ),
  };
}

function wholeNumber(value: unknown, field: string, min: number): number | undefined {
  const number = optionalNumber(value, field, { min });
  if (number !== undefined && !Number.isInteger(number)) throw invalid(field, "expected a whole number");
  return number;
}

function decodeFormat(format: unknown): AnswerFormat | undefined {
  if (!isObject(format)) return undefined;
  if (format.type === "json_object") return { kind: "json" };
  const given = format.type === "json_schema" ? format.json_schema : undefined;
  if (!isObject(given) || !isObject(given.schema)) return undefined;
  return schemaFormat(given, given.schema);
}

function decodeReasoning(body: JsonObject): ReasoningWish | undefined {
  const effort = filledText(body.reasoning_effort);
  const options = isObject(body.chat_template_kwargs) ? body.chat_template_kwargs : {};
  if (effort === "none" || options.enable_thinking === false) {
    return { isOn: false, effort: undefined, budgetTokens: undefined };
  }
  return effort === undefined ? undefined : { isOn: true, effort, budgetTokens: undefined };
}
