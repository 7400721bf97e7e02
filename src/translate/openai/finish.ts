import { isObject, type JsonObject } from "../../lib/json.ts";
import type { Finish, TokenUsage } from "../chat-answer.ts";
import { count, filledText } from "../wire.ts";

/** Why a choice ended, from `finish_reason` and what vLLM (`stop_reason`) and SGLang (`matched_stop`) say besides. */
export function readFinish(choice: JsonObject, hasToolCalls: boolean): Finish {
  const stopSequence = filledText(choice.stop_reason) ?? filledText(choice.matched_stop);
  switch (choice.finish_reason) {
    case "length":
      return { reason: "length" };
    case "content_filter":
      return { reason: "content-filter" };
    case "tool_calls":
    case "function_call":
      return { reason: hasToolCalls ? "tool-calls" : "stop" };
    default:
      // Some servers say "stop" of everything.
      return hasToolCalls ? { reason: "tool-calls" } : { reason: "stop", stopSequence };
  }
}

/** Undefined where nothing is said. */
export function readUsage(usage: unknown): TokenUsage | undefined {
  if (!isObject(usage)) return undefined;
  const inputTokens = count(usage.prompt_tokens);
  const outputTokens = count(usage.completion_tokens);
  if (inputTokens === undefined && outputTokens === undefined) return undefined;
  return {
    inputTokens: inputTokens ?? 0,
    outputTokens: outputTokens ?? 0,
    cachedTokens: detail(usage.prompt_tokens_details, "cached_tokens"),
    reasoningTokens: detail(usage.completion_tokens_details, "reasoning_tokens"),
  };
}

function detail(details: unknown, name: string): number | undefined {
  return isObject(details) ? count(details[name]) : undefined;
}
