import { isObject, type JsonObject } from "../../../lib/json.ts";
import type { Finish, TokenUsage } from "../../chat-answer.ts";
import { count, filledText } from "../../wire.ts";

/** Why an answer ended, from `stop_reason` and `stop_sequence`. */
export function readFinish(
  { stop_reason: reason, stop_sequence: sequence }: JsonObject,
  hasCalls: boolean,
): Finish {
  switch (reason) {
    case "max_tokens":
    case "model_context_window_exceeded":
      return { reason: "length" };
    case "refusal":
      return { reason: "content-filter" };
    default:
      // Some servers say "end_turn" of everything.
      return hasCalls
        ? { reason: "tool-calls" }
        : { reason: "stop", stopSequence: reason === "stop_sequence" ? filledText(sequence) : undefined };
  }
}

/** Undefined where nothing is said. What was read from a cache, or written to one, is input, too. */
export function readUsage(usage: unknown): TokenUsage | undefined {
  if (!isObject(usage)) return undefined;
  const input = count(usage.input_tokens);
  const output = count(usage.output_tokens);
  if (input === undefined && output === undefined) return undefined;
  const cached = count(usage.cache_read_input_tokens);
  const details = isObject(usage.output_tokens_details) ? usage.output_tokens_details : {};
  return {
    inputTokens: (input ?? 0) + (cached ?? 0) + (count(usage.cache_creation_input_tokens) ?? 0),
    outputTokens: output ?? 0,
    cachedTokens: cached,
    reasoningTokens: count(details.thinking_tokens),
  };
}
