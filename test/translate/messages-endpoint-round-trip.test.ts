// What two dialects can both say comes through: decode(encode(x)) is x, for requests, answers and streams.
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { decodeAnthropicRequest } from "../../src/translate/anthropic/decode-request.ts";
import { encodeAnthropicAnswer } from "../../src/translate/anthropic/encode-answer.ts";
import { AnthropicStreamEncoder } from "../../src/translate/anthropic/encode-stream.ts";
import { anthropicEndpoint } from "../../src/translate/anthropic/endpoint/anthropic-endpoint.ts";
import type { AnswerEvent, ChatAnswer } from "../../src/translate/chat-answer.ts";
import type { ChatRequest } from "../../src/translate/chat-request.ts";
import type { EndpointDialect } from "../../src/translate/endpoint-dialect.ts";
import { decodeChatRequest } from "../../src/translate/openai/client/decode-request.ts";
import { encodeChatAnswer } from "../../src/translate/openai/client/encode-answer.ts";
import { ChatStreamEncoder } from "../../src/translate/openai/client/encode-stream.ts";
import { openaiEndpoint } from "../../src/translate/openai/openai-endpoint.ts";
import { eventsOf } from "../../src/translate/translate-chat.ts";
import { toBytes } from "../support/bytes.ts";
import { messagesOnlyTarget } from "./support/messages-only.ts";
import { targetOf } from "./support/translate-stream.ts";

const word = fc
  .string({ unit: "grapheme", minLength: 1, maxLength: 10 })
  .filter((text) => text.trim() === text);
const name = fc.stringMatching(/^[a-zA-Z0-9_-]{1,12}$/);
const json = fc
  .dictionary(fc.string({ maxLength: 5 }), fc.jsonValue({ maxDepth: 2 }), { maxKeys: 3 })
  .map((value): Record<string, unknown> => JSON.parse(JSON.stringify(value)));
const textPart = word.map((text) => ({ kind: "text" as const, text }));
const imagePart = fc.base64String({ minLength: 4 }).map((base64) => ({
  kind: "image" as const,
  source: { kind: "data" as const, mediaType: "image/png", base64 },
}));
const callPart = fc.record({
  kind: fc.constant("tool-call" as const),
  id: name,
  name,
  argumentsJson: json.map((value) => JSON.stringify(value)),
});
const calls = fc.uniqueArray(callPart, { selector: ({ id }) => id, maxLength: 3 });

/** The model speaks, calls, gets its results, and the user goes on. */
const turn = fc
  .tuple(textPart, calls, textPart, imagePart, word)
  .map(([said, called, next, image, result]) => [
    { role: "assistant" as const, parts: [said, ...called] },
    ...called.map(({ id }) => ({
      role: "tool" as const,
      callId: id,
      parts: [{ kind: "text" as const, text: result }],
      isError: false,
    })),
    { role: "user" as const, parts: [next, image] },
  ]);
const tool = fc.record({
  name,
  description: fc.option(word, { nil: undefined }),
  parameters: json.map((properties) => ({ type: "object", properties })),
  isStrict: fc.constantFrom(true, undefined),
});
const request: fc.Arbitrary<ChatRequest> = fc
  .record({
    system: fc.option(word, { nil: undefined }),
    turns: fc.array(turn, { maxLength: 3 }),
    tools: fc.uniqueArray(tool, { selector: (each) => each.name, minLength: 1, maxLength: 3 }),
    choice: fc.constantFrom(undefined, "auto", "none", "required", "tool"),
    maxTokens: fc.integer({ min: 1, max: 1e6 }),
    stopSequences: fc.array(word, { maxLength: 2 }),
    temperature: fc.option(fc.double({ min: 0, max: 1, noNaN: true }), { nil: undefined }),
    topK: fc.option(fc.nat(), { nil: undefined }),
    schema: fc.option(json, { nil: undefined }),
    isOff: fc.boolean(),
    isStream: fc.boolean(),
    user: fc.option(word, { nil: undefined }),
  })
  .map((x) => ({
    model: "m",
    messages: [
      ...(x.system === undefined ? [] : [{ role: "system" as const, text: x.system }]),
      { role: "user", parts: [{ kind: "text", text: "Begin." }] },
      ...x.turns.flat(),
    ],
    tools: x.tools,
    toolChoice:
      x.choice === "tool" ? { kind: "tool", name: x.tools[0]?.name ?? "" } : x.choice && { kind: x.choice },
    allowsParallelTools: undefined,
    limits: { maxTokens: x.maxTokens, stopSequences: x.stopSequences },
    sampling: { temperature: x.temperature === 0 ? 0 : x.temperature, topK: x.topK },
    answerFormat: x.schema && {
      kind: "schema",
      name: "answer",
      schema: x.schema,
      isStrict: true,
      description: undefined,
    },
    reasoning: x.isOff ? { isOn: false, effort: undefined, budgetTokens: undefined } : undefined,
    isStream: x.isStream,
    user: x.user,
  }));

const bodyOf = (body: Uint8Array) => JSON.parse(new TextDecoder().decode(body));

describe("a request", () => {
  test("is the same behind the Messages API", () => {
    fc.assert(
      fc.property(request, (asked) => {
        const { body } = anthropicEndpoint.encode(asked, messagesOnlyTarget());
        expect(withoutNothing(decodeAnthropicRequest(bodyOf(body)).request)).toEqual(
          withoutNothing({ ...asked, model: "asked-model" }),
        );
      }),
      { numRuns: 400 },
    );
  });

  test("is the same behind chat completions", () => {
    fc.assert(
      fc.property(request, (asked) => {
        const { body } = openaiEndpoint.encode(asked, targetOf("vllm"));
        const described = asked.tools.map((each) => ({ ...each, description: each.description }));
        expect(withoutNothing(decodeChatRequest(bodyOf(body)).request)).toEqual(
          withoutNothing({ ...asked, tools: described, model: "asked-model" }),
        );
      }),
      { numRuns: 400 },
    );
  });
});

/** Members that are undefined, and lists of parts that are one text in pieces, mean the same. */
function withoutNothing(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}

const answer: fc.Arbitrary<ChatAnswer> = fc
  .record({
    thought: fc.option(word, { nil: undefined }),
    text: word,
    called: calls,
    isLong: fc.boolean(),
    input: fc.integer({ min: 10, max: 1e6 }),
    output: fc.integer({ min: 1, max: 1e6 }),
    cached: fc.nat({ max: 9 }),
  })
  .map(({ thought, text, called, isLong, input, output, cached }) => ({
    model: "the-model",
    parts: [
      ...(thought === undefined ? [] : [{ kind: "reasoning" as const, text: thought }]),
      { kind: "text", text },
      ...called,
    ],
    finish: { reason: isLong ? "length" : called.length > 0 ? "tool-calls" : "stop" },
    usage: { inputTokens: input, outputTokens: output, cachedTokens: cached, reasoningTokens: undefined },
  }));

const context = {
  requestId: "req-1",
  body: {},
  request: {
    ...fc.sample(request, { numRuns: 1, seed: 1 })[0],
    limits: { maxTokens: 1, stopSequences: [] },
  } as ChatRequest,
  model: "asked-model",
};
const sides = [
  {
    side: "the Messages API",
    spoken: anthropicEndpoint,
    write: (said: ChatAnswer) => encodeAnthropicAnswer(said, { ...context, kept: undefined }).body,
    encoder: () => new AnthropicStreamEncoder({ ...context, kept: undefined }),
  },
  {
    side: "chat completions",
    spoken: openaiEndpoint,
    write: (said: ChatAnswer) => encodeChatAnswer(said, { ...context, kept: { includesUsage: true } }).body,
    encoder: () => new ChatStreamEncoder({ ...context, kept: { includesUsage: true } }),
  },
];

/** Neighbouring pieces of one text are one. */
function joined(events: Iterable<AnswerEvent>): unknown {
  const list: AnswerEvent[] = [];
  let first = true;
  for (const event of events) {
    const before = list.at(-1);
    // Told early as well as at the end; the last counts.
    if (event.kind === "usage" && first) continue;
    if (event.kind !== "model") first = false;
    const isSame =
      event.kind === "tool-arguments" && before?.kind === "tool-arguments" && before.index === event.index;
    if (isSame) list[list.length - 1] = { ...event, text: before.text + event.text };
    else list.push(event);
  }
  return withoutNothing(list);
}

function readAll(spoken: EndpointDialect, text: string): AnswerEvent[] {
  const events: AnswerEvent[] = [];
  const decoder = spoken.openDecoder((event) => events.push(event));
  decoder.push(toBytes(text));
  decoder.end();
  return events;
}

describe.each(sides)("an answer in $side", ({ spoken, write, encoder }) => {
  test("is the same, whole", () => {
    fc.assert(
      fc.property(answer, (said) => {
        expect(withoutNothing(spoken.decodeWhole(write(said)))).toEqual(withoutNothing(said));
      }),
      { numRuns: 400 },
    );
  });

  test("is the same as a stream", () => {
    fc.assert(
      fc.property(answer, (said) => {
        const writer = encoder();
        const text = [...eventsOf(said)].map((event) => writer.push(event)).join("");
        expect(joined(readAll(spoken, text))).toEqual(joined(eventsOf(said)));
      }),
      { numRuns: 400 },
    );
  });
});
