import { isObject, type JsonObject } from "../../lib/json.ts";
import { randomText } from "../answer-ids.ts";
import type { Finish, TokenUsage } from "../chat-answer.ts";
import type { AnswerContext } from "../chat-dialect.ts";
import type { DecodedResponsesRequest } from "./decode-request.ts";
import type { ResponseStore } from "./response-store.ts";

/** What the response object says besides its output. */
export interface ResponseFacts {
  readonly id: string;
  /** Seconds since the epoch. */
  readonly createdAt: number;
  readonly model: string;
}

export type ResponseStatus = "in_progress" | "completed" | "incomplete" | "failed";

export interface ResponseState {
  readonly status: ResponseStatus;
  readonly output: readonly JsonObject[];
  readonly usage?: TokenUsage | undefined;
  readonly incompleteReason?: string | undefined;
  readonly error?: { readonly code: string; readonly message: string } | undefined;
}

/** Tells what Olla has written from what an endpoint has: `resp_olla…`, `msg_olla…`. */
export const ownMark = "olla";

export function createResponseId(): string {
  return createItemId("resp");
}

/** @param kind `msg`, `rs`, `fc`, `ctc` … */
export function createItemId(kind: string): string {
  return `${kind}_${ownMark}${randomText(32)}`;
}

/**
 * The response object with all its members; those of the request are said again as the client said them.
 * Source: https://platform.openai.com/docs/api-reference/responses/object
 */
export function responseObject(
  facts: ResponseFacts,
  { status, output, usage, incompleteReason, error }: ResponseState,
  { body }: AnswerContext<DecodedResponsesRequest>,
): JsonObject {
  return {
    id: facts.id,
    object: "response",
    created_at: facts.createdAt,
    status,
    background: false,
    completed_at: status === "completed" ? nowSeconds() : null,
    error: error ?? null,
    incomplete_details: incompleteReason === undefined ? null : { reason: incompleteReason },
    instructions: body.instructions ?? null,
    max_output_tokens: body.max_output_tokens ?? null,
    max_tool_calls: body.max_tool_calls ?? null,
    metadata: body.metadata ?? {},
    model: facts.model,
    output,
    parallel_tool_calls: body.parallel_tool_calls ?? true,
    presence_penalty: body.presence_penalty ?? 0,
    frequency_penalty: body.frequency_penalty ?? 0,
    previous_response_id: body.previous_response_id ?? null,
    prompt_cache_key: body.prompt_cache_key ?? null,
    reasoning: { effort: null, summary: null, ...(isObject(body.reasoning) && body.reasoning) },
    safety_identifier: body.safety_identifier ?? null,
    service_tier: "default",
    store: body.store ?? true,
    temperature: body.temperature ?? 1,
    text: { format: { type: "text" }, ...(isObject(body.text) && body.text) },
    tool_choice: body.tool_choice ?? "auto",
    tools: body.tools ?? [],
    top_logprobs: body.top_logprobs ?? 0,
    top_p: body.top_p ?? 1,
    truncation: body.truncation ?? "disabled",
    usage: usage === undefined ? null : encodeUsage(usage),
    user: body.user ?? null,
  };
}

/** For later requests that go on from it, unless the client wants nothing stored. */
export function keepResponse(
  response: JsonObject,
  { body, kept: { input, previousId } }: AnswerContext<DecodedResponsesRequest>,
  store: ResponseStore,
): void {
  if (body.store !== false) store.keep(String(response.id), { response, input, previousId });
}

/** Whether the client reads what was thought as a summary; it is all that most of them show. */
export function wantsSummary({ reasoning }: JsonObject): boolean {
  if (!isObject(reasoning)) return false;
  // `generate_summary` is what it was called first.
  const wish = reasoning.summary ?? reasoning.generate_summary;
  return typeof wish === "string" && wish !== "none";
}

/** The status and the reason of an answer that has ended so. */
export function stateOfFinish({ reason }: Finish): {
  readonly status: "completed" | "incomplete";
  readonly incompleteReason?: string;
} {
  switch (reason) {
    case "length":
      return { status: "incomplete", incompleteReason: "max_output_tokens" };
    case "content-filter":
      return { status: "incomplete", incompleteReason: "content_filter" };
    default:
      return { status: "completed" };
  }
}

export function nowSeconds(): number {
  return Math.floor(Date.now() / 1000);
}

function encodeUsage({ inputTokens, outputTokens, cachedTokens, reasoningTokens }: TokenUsage): JsonObject {
  return {
    input_tokens: inputTokens,
    input_tokens_details: { cached_tokens: cachedTokens ?? 0 },
    output_tokens: outputTokens,
    output_tokens_details: { reasoning_tokens: reasoningTokens ?? 0 },
    total_tokens: inputTokens + outputTokens,
  };
}
