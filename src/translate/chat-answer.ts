import type { ReasoningPart, RefusalPart, TextPart, ToolCallPart } from "./chat-request.ts";

/** A whole answer of a chat model, in no dialect. */
export interface ChatAnswer {
  /** The endpoint's name of the model; undefined when it did not say. */
  readonly model: string | undefined;
  /** In order: reasoning, text, tool calls. */
  readonly parts: readonly AnswerPart[];
  readonly finish: Finish;
  /** Undefined when the endpoint did not say. */
  readonly usage: TokenUsage | undefined;
}

export type AnswerPart = TextPart | ReasoningPart | RefusalPart | ToolCallPart;

/** Why the answer ended. */
export interface Finish {
  readonly reason: "stop" | "length" | "tool-calls" | "content-filter";
  /** The stop sequence that was met, where the endpoint says which. */
  readonly stopSequence?: string | undefined;
}

/** Tokens. Members are undefined when the endpoint did not say. */
export interface TokenUsage {
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** Of the input: read from a cache. */
  readonly cachedTokens: number | undefined;
  /** Of the output: thought and not said. */
  readonly reasoningTokens: number | undefined;
}

/**
 * What a stream says, piece by piece. Of several tool calls the pieces may come interleaved, told apart by `index`
 * (0, 1, … in order of their beginning); a `tool-call` comes before its first `tool-arguments`. `usage` comes just
 * before `finish`, and before the first piece, too, where the endpoint said it that early; the last one counts. After
 * `finish` or `error` comes nothing.
 */
export type AnswerEvent =
  | { readonly kind: "model"; readonly model: string }
  | { readonly kind: "reasoning"; readonly text: string }
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "refusal"; readonly text: string }
  | { readonly kind: "tool-call"; readonly index: number; readonly id: string; readonly name: string }
  | { readonly kind: "tool-arguments"; readonly index: number; readonly text: string }
  | { readonly kind: "usage"; readonly usage: TokenUsage }
  | { readonly kind: "finish"; readonly finish: Finish }
  | { readonly kind: "error"; readonly error: AnswerError };

/** An error that the endpoint reported. */
export interface AnswerError {
  /** The endpoint's own words. */
  readonly message: string;
  /** HTTP status, where one is known. */
  readonly status: number | undefined;
}
