import { expect, test } from "bun:test";
import { anthropicOverflowMessage, findContextOverflow } from "./context-overflow.ts";

const said: readonly (readonly [message: string, prompt: number | undefined, max: number | undefined])[] = [
  [
    "This model's maximum context length is 16384 tokens. However, you requested 19591 tokens (9591 in the messages, 10000 in the completion). Please reduce the length of the messages or completion.",
    9591,
    16384,
  ],
  [
    "This model's maximum context length is 2048 tokens. However, your request has 8 input tokens plus 2045 'max_tokens'. Please reduce one or the other.",
    8,
    2048,
  ],
  [
    "This model's maximum context length is 262144 tokens. However, you requested 128000 output tokens and your prompt contains at least 134145 input tokens, for a total of at least 262145 tokens.",
    134145,
    262144,
  ],
  [
    "This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens.",
    9000,
    8192,
  ],
  ["The input (61709 tokens) is longer than the model's context length (40960 tokens).", 61709, 40960],
  ["Input length (160062 tokens) exceeds the maximum allowed length (59862 tokens).", 160062, 59862],
  ["request (1407 tokens) exceeds the available context size (256 tokens), try increasing it", 1407, 256],
  ["Requested tokens (516) exceed context window of 512", 516, 512],
  [
    "Trying to keep the first 14538 tokens when context the overflows. However, the model is loaded with context length of only 2048 tokens, which is not enough.",
    14538,
    2048,
  ],
  [
    "The number of tokens to keep from the initial prompt is greater than the context length (n_keep: 13055>= n_ctx: 4096).",
    13055,
    4096,
  ],
  ["Cannot truncate prompt with n_keep (15028) >= n_ctx (7424)", 15028, 7424],
  ["Prompt too long: 41911 tokens exceeds max context window of 32768 tokens", 41911, 32768],
  ["the input length exceeds the context length", undefined, undefined],
];

test.each(said)("a prompt that is too long is recognised: %s", (message, promptTokens, maxTokens) => {
  expect(findContextOverflow({ status: 400, message, detail: undefined })).toMatchObject({
    promptTokens,
    maxTokens,
  });
});

test("older llama.cpp says the numbers beside its words", () => {
  const message =
    "the request exceeds the available context size. try increasing the context size or enable context shift";
  const detail = { n_prompt_tokens: 1407, n_ctx: 256 };
  const overflow = findContextOverflow({ status: 500, message, detail });
  expect(overflow).toMatchObject({ promptTokens: 1407, maxTokens: 256 });
  expect(overflow && anthropicOverflowMessage(overflow, message)).toStartWith(
    "prompt is too long: 1407 tokens > 256 maximum (",
  );
});

test.each([
  "max_tokens must be at least 1, got 0",
  "model 'nope' not found",
  "invalid grammar: context of rule exceeds nothing",
  "Rate limit exceeded",
])("other refusals are none: %s", (message) => {
  expect(findContextOverflow({ status: 400, message, detail: undefined })).toBeUndefined();
});

test("a rate limit that speaks of context is none", () => {
  const message = "request (1407 tokens) exceeds the available context size (256 tokens)";
  expect(findContextOverflow({ status: 429, message, detail: undefined })).toBeUndefined();
});
