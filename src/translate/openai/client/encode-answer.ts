import type { JsonObject } from "../../../lib/json.ts";
import { randomText } from "../../answer-ids.ts";
import type { AnswerPart, ChatAnswer, Finish, TokenUsage } from "../../chat-answer.ts";
import type { AnswerContext } from "../../chat-dialect.ts";
import type { TranslatedAnswer } from "../../client-api.ts";
import { toJsonBytes } from "../../wire.ts";
import type { ChatWishes } from "./decode-request.ts";

/**
 * A whole chat completion.
 * Source: https://platform.openai.com/docs/api-reference/chat/object
 */
export function encodeChatAnswer(answer: ChatAnswer, context: AnswerContext<ChatWishes>): TranslatedAnswer {
  const completion = {
    ...completionHead("chat.completion", answer.model ?? context.model),
    choices: [
      {
        index: 0,
        message: encodeMessage(answer.parts),
        logprobs: null,
        finish_reason: finishReasons[answer.finish.reason],
      },
    ],
    ...(answer.usage && { usage: encodeUsage(answer.usage) }),
  };
  return { contentType: "application/json", body: toJsonBytes(completion) };
}

/** The same for every piece of an answer. */
export function completionHead(object: "chat.completion" | "chat.completion.chunk", model: string) {
  return { id: `chatcmpl-${randomText(24)}`, object, created: Math.floor(Date.now() / 1_000), model };
}

export const finishReasons: Readonly<Record<Finish["reason"], string>> = {
  stop: "stop",
  length: "length",
  "tool-calls": "tool_calls",
  "content-filter": "content_filter",
};

export function encodeUsage(usage: TokenUsage): JsonObject {
  const { inputTokens, outputTokens, cachedTokens, reasoningTokens } = usage;
  return {
    prompt_tokens: inputTokens,
    completion_tokens: outputTokens,
    total_tokens: inputTokens + outputTokens,
    ...(cachedTokens !== undefined && { prompt_tokens_details: { cached_tokens: cachedTokens } }),
    ...(reasoningTokens !== undefined && {
      completion_tokens_details: { reasoning_tokens: reasoningTokens },
    }),
  };
}

function encodeMessage(parts: readonly AnswerPart[]): JsonObject {
  const said = (kind: "text" | "reasoning" | "refusal") =>
    parts.map((part) => (part.kind === kind ? part.text : "")).join("");
  const text = said("text");
  const refusal = said("refusal");
  const thought = said("reasoning");
  const calls = parts.flatMap((part) =>
    part.kind === "tool-call"
      ? [{ id: part.id, type: "function", function: { name: part.name, arguments: part.argumentsJson } }]
      : [],
  );
  return {
    role: "assistant",
    content: text === "" && (calls.length > 0 || refusal !== "") ? null : text,
    refusal: refusal === "" ? null : refusal,
    ...(thought !== "" && { reasoning_content: thought }),
    ...(calls.length > 0 && { tool_calls: calls }),
  };
}
