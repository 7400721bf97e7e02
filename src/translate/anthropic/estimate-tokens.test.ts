import { describe, expect, test } from "bun:test";
import { completeUsage, estimateInputTokens, estimateOutputTokens } from "./estimate-tokens.ts";

const user = (content: unknown) => ({ messages: [{ role: "user", content }] });
const forty = "x".repeat(40);
const text = { type: "text", text: forty };

describe("the estimate of a request's tokens counts", () => {
  test.each<readonly [what: string, body: Readonly<Record<string, unknown>>, tokens: number]>([
    ["a text", user("Hello world"), 2],
    ["at least one", {}, 1],
    ["system and messages", { system: forty, ...user(forty) }, 20],
    ["the texts of a system of blocks", { system: [text, { type: "text", text: "" }, text] }, 20],
    ["bytes, not characters", user("ü".repeat(20)), 10],
    ["text blocks", user([text, text]), 20],
    ["a tool's name and input", user([{ type: "tool_use", name: "x".repeat(9), input: { a: "bcd" } }]), 5],
    ["a result of text", user([{ type: "tool_result", content: forty }]), 10],
    ["a result of blocks", user([{ type: "tool_result", content: [text, { type: "image" }] }]), 10],
    [
      "no image, thought or unknown block",
      user([
        { type: "image", source: { data: forty } },
        { type: "thinking", thinking: forty },
      ]),
      1,
    ],
    ["no bare object", user(text), 1],
    [
      "a tool's name, description and schema",
      { tools: [{ name: "abcd", description: "efgh", input_schema: { type: "x" } }] },
      5,
    ],
    ["nothing odd", { system: 7, messages: "hello", tools: [null] }, 1],
  ])("%s", (_, body, tokens) => {
    expect(estimateInputTokens(body)).toBe(tokens);
  });
});

test("what a model said is at least one token, and nothing is none", () => {
  expect([0, 1, 7, 8].map(estimateOutputTokens)).toEqual([0, 1, 1, 2]);
});

test("usage is the endpoint's where it tells one, and estimated where it says nothing or 0", () => {
  const none = { cachedTokens: undefined, reasoningTokens: undefined };
  expect(completeUsage(undefined, 5, 8)).toEqual({ inputTokens: 5, outputTokens: 2, ...none });
  const said = { inputTokens: 0, outputTokens: 3, cachedTokens: 1, reasoningTokens: 2 };
  expect(completeUsage(said, 5, 8)).toEqual({ ...said, inputTokens: 5 });
});
