// Whatever an endpoint streams, the client's stream is in order and loses nothing.
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { OllaError } from "../../src/errors.ts";
import { AnthropicStreamEncoder } from "../../src/translate/anthropic/encode-stream.ts";
import type { AnswerEvent } from "../../src/translate/chat-answer.ts";
import type { AnswerContext } from "../../src/translate/chat-dialect.ts";
import type { ChatRequest } from "../../src/translate/chat-request.ts";
import { toBytes } from "../support/bytes.ts";
import { type AnthropicEvent, checkGrammar, objectAt, parseEvents } from "./support/anthropic-events.ts";
import { randomAnswer } from "./support/random-stream.ts";
import { streamEvents } from "./support/translate-stream.ts";

interface Block {
  readonly start: Readonly<Record<string, unknown>>;
  said: string;
}

function blocksOf(events: readonly AnthropicEvent[]): Block[] {
  const blocks: Block[] = [];
  for (const event of events) {
    if (event.type === "content_block_start")
      blocks.push({ start: objectAt(event, "content_block"), said: "" });
    const block = blocks.at(-1);
    if (event.type !== "content_block_delta" || block === undefined) continue;
    const { text, thinking, partial_json } = objectAt(event, "delta");
    block.said += String(text ?? thinking ?? partial_json);
  }
  return blocks;
}

function saidBy(blocks: readonly Block[], type: string): string {
  return blocks
    .filter(({ start }) => start.type === type)
    .map(({ said }) => said)
    .join("");
}

describe("a stream of chat completions", () => {
  test("becomes one in order, with every text, thought and argument, cut anywhere", () => {
    fc.assert(
      fc.property(randomAnswer, fc.array(fc.nat({ max: 4000 }), { maxLength: 6 }), (answer, cuts) => {
        const bytes = toBytes(answer.body);
        const places = [0, ...cuts.filter((place) => place < bytes.length), bytes.length].sort(
          (a, b) => a - b,
        );
        const pieces = places.map((place, index) => bytes.subarray(place, places[index + 1] ?? bytes.length));
        const events = streamEvents(pieces);
        checkGrammar(events);
        expect(events.at(-1)?.type).toBe("message_stop");
        const blocks = blocksOf(events);
        expect(saidBy(blocks, "text")).toBe(answer.text);
        expect(saidBy(blocks, "thinking")).toBe(answer.thought);
        const calls = blocks.filter(({ start }) => start.type === "tool_use");
        expect(calls.map(({ start, said }) => ({ name: start.name, said }))).toEqual(
          answer.calls.map(({ name, argumentsJson }) => ({ name, said: argumentsJson })),
        );
        for (const [index, { id }] of answer.calls.entries()) {
          if (id !== "") expect(calls[index]?.start.id).toBe(id);
        }
        expect(new Set(calls.map(({ start }) => start.id)).size).toBe(calls.length);
      }),
      { numRuns: 1500 },
    );
  });

  test("ends in order however it is broken", () => {
    fc.assert(
      fc.property(
        randomAnswer,
        fc.nat({ max: 4000 }),
        fc.uint8Array({ maxLength: 30 }),
        (answer, at, noise) => {
          const bytes = toBytes(answer.body);
          const events = streamEvents([bytes.subarray(0, at), noise, bytes.subarray(at)]);
          checkGrammar(events);
          expect(events.at(-1)?.type).toMatch(/^(message_stop|error)$/);
        },
      ),
      { numRuns: 1000 },
    );
  });
});

const text = fc.string({ maxLength: 6 });
const index = fc.nat({ max: 3 });
const randomEvent: fc.Arbitrary<AnswerEvent> = fc.oneof(
  fc.record({ kind: fc.constantFrom("text", "reasoning", "refusal"), text }),
  fc.record({ kind: fc.constant("model" as const), model: text }),
  fc.record({ kind: fc.constant("tool-call" as const), index, id: text, name: text }),
  fc.record({
    kind: fc.constant("tool-arguments" as const),
    index,
    text: fc.constantFrom("{", "}", '"a":1', "{}", " ", "x"),
  }),
  fc.constant<AnswerEvent>({ kind: "finish", finish: { reason: "stop" } }),
  fc.constant<AnswerEvent>({ kind: "error", error: { message: "no", status: undefined } }),
);

const request: ChatRequest = {
  model: "m",
  messages: [{ role: "user", parts: [{ kind: "text", text: "Hello" }] }],
  tools: [],
  toolChoice: undefined,
  allowsParallelTools: undefined,
  limits: { maxTokens: 5, stopSequences: [] },
  sampling: {},
  answerFormat: undefined,
  reasoning: undefined,
  isStream: true,
  user: undefined,
};
const context: AnswerContext = { requestId: "req-1", body: {}, request, model: "m", kept: undefined };

test("any events in any order make a stream in order, with one end", () => {
  fc.assert(
    fc.property(fc.array(randomEvent, { maxLength: 40 }), (events) => {
      const encoder = new AnthropicStreamEncoder(context);
      let written = "";
      for (const event of events) written += encoder.push(event);
      written += encoder.fail(new OllaError("truncated", "The endpoint's answer was cut"));
      const told = parseEvents(written);
      checkGrammar(told);
      expect(told.filter(({ type }) => type === "message_stop" || type === "error")).toHaveLength(1);
    }),
    { numRuns: 2000 },
  );
});
