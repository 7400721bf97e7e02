import { isObject, type JsonObject } from "../../lib/json.ts";
import { createMessageId } from "../answer-ids.ts";
import type { AnswerPart, ChatAnswer, Finish, TokenUsage } from "../chat-answer.ts";
import type { AnswerContext } from "../chat-dialect.ts";
import type { TranslatedAnswer } from "../client-api.ts";
import { parseJsonExactly } from "../exact-json.ts";
import { toJsonBytes } from "../wire.ts";
import { completeUsage, estimateInputTokens } from "./estimate-tokens.ts";

/**
 * A whole answer as a Messages client expects it.
 * Source: https://docs.anthropic.com/en/api/messages
 */
export function encodeAnthropicAnswer(answer: ChatAnswer, context: AnswerContext): TranslatedAnswer {
  const content = answer.parts.map(encodePart);
  const message = {
    id: createMessageId(),
    type: "message",
    role: "assistant",
    model: answer.model ?? context.model,
    content: content.length === 0 ? [{ type: "text", text: "" }] : content,
    ...encodeFinish(answer.finish, context.request.limits.stopSequences),
    usage: encodeUsage(
      completeUsage(answer.usage, estimateInputTokens(context.body), countBytes(answer.parts)),
    ),
  };
  return { contentType: "application/json", body: toJsonBytes(message) };
}

/** `stop_reason` and `stop_sequence`. @param asked the stop sequences of the request */
export function encodeFinish({ reason, stopSequence }: Finish, asked: readonly string[]): JsonObject {
  if (reason === "stop" && stopSequence !== undefined && asked.includes(stopSequence)) {
    return { stop_reason: "stop_sequence", stop_sequence: stopSequence };
  }
  return { stop_reason: stopReasons[reason], stop_sequence: null };
}

const stopReasons: Readonly<Record<Finish["reason"], string>> = {
  stop: "end_turn",
  "tool-calls": "tool_use",
  length: "max_tokens",
  "content-filter": "refusal",
};

/** Anthropic counts what came from a cache apart from the other input. */
export function encodeUsage({ inputTokens, outputTokens, cachedTokens = 0 }: TokenUsage): JsonObject {
  return {
    input_tokens: Math.max(0, inputTokens - cachedTokens),
    output_tokens: outputTokens,
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: cachedTokens,
  };
}

function encodePart(part: AnswerPart): JsonObject {
  switch (part.kind) {
    case "reasoning":
      return { type: "thinking", thinking: part.text, signature: part.signature ?? "" };
    case "tool-call": {
      const input = parseJsonExactly(part.argumentsJson);
      return { type: "tool_use", id: part.id, name: part.name, input: isObject(input) ? input : {} };
    }
    default:
      return { type: "text", text: part.text };
  }
}

function countBytes(parts: readonly AnswerPart[]): number {
  return parts.reduce(
    (sum, part) => sum + Buffer.byteLength(part.kind === "tool-call" ? part.argumentsJson : part.text),
    0,
  );
}
