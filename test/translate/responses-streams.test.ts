// Streams of chat completions, of real servers and made up, as a Responses client gets them.
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { OllaError } from "../../src/errors.ts";
import { isObject, type JsonObject } from "../../src/lib/json.ts";
import type { AnswerEvent } from "../../src/translate/chat-answer.ts";
import { decodeResponsesRequest } from "../../src/translate/responses/decode-request.ts";
import { ResponsesStreamEncoder } from "../../src/translate/responses/encode-stream.ts";
import { toBytes, toText } from "../support/bytes.ts";
import { loadRecording } from "../support/wire-recording.ts";
import { randomAnswer } from "./support/random-stream.ts";
import {
  checkResponsesGrammar,
  createStore,
  minimalRequest,
  objectIn,
  parseResponsesEvents,
  partsOf,
  type ResponsesEvent,
  responsesText,
  withoutChance,
} from "./support/responses-events.ts";
import { readStreamFixture, streamFixtures } from "./support/translate-stream.ts";

function outputOf(events: readonly ResponsesEvent[]): JsonObject[] {
  return objectIn(events.at(-1), "response").output as JsonObject[];
}

function* oneByOne(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 1) yield bytes.subarray(at, at + 1);
}

describe.each(streamFixtures())("%s", (name) => {
  test("is in order, whatever form thoughts are told in", async () => {
    const bytes = await readStreamFixture(name);
    for (const members of [{}, { reasoning: { summary: "auto" } }]) {
      checkResponsesGrammar(parseResponsesEvents(responsesText([bytes], members)));
    }
  });

  test("is the same cut in two at any byte, and byte by byte", async () => {
    const bytes = await readStreamFixture(name);
    const whole = withoutChance(responsesText([bytes]));
    for (let at = 1; at < bytes.length; at += 1) {
      const cut = withoutChance(responsesText([bytes.subarray(0, at), bytes.subarray(at)]));
      if (cut !== whole) expect({ at, cut }).toEqual({ at, cut: whole });
    }
    expect(withoutChance(responsesText(oneByOne(bytes)))).toBe(whole);
  });
});

/** All members of a value, with those of its own values: `response.usage.input_tokens`. */
function membersOf(value: unknown, path = ""): string[] {
  if (Array.isArray(value)) return value.flatMap((inner) => membersOf(inner, `${path}[]`));
  if (!isObject(value)) return [path];
  return Object.entries(value).flatMap(([name, inner]) => [
    `${path}.${name}`,
    ...membersOf(inner, `${path}.${name}`),
  ]);
}

describe.each(["ollama-0.32.15", "llama-server-b10488", "llama-server-b10488-router"])(
  "what %s says to a Responses client",
  (server) => {
    test("we say, too: the same events with at least the same members", async () => {
      const { body } = await loadRecording(server, "post-v1-responses-stream");
      const theirs = parseResponsesEvents(body.endsWith("\n\n") ? body : `${body.trimEnd()}\n\n`);
      // They call everything completed; we tell an answer that was cut at the limit.
      const chunks = toText(await readStreamFixture(server)).replace('"length"', '"stop"');
      const ours = parseResponsesEvents(responsesText([toBytes(chunks)]));
      const kinds = (events: readonly ResponsesEvent[]) => [...new Set(events.map(({ type }) => type))];
      expect(kinds(ours)).toEqual(kinds(theirs));
      for (const event of theirs) {
        const same = ours.find(({ type }) => type === event.type);
        // `timings` is llama.cpp's own, for its own page.
        const wanted = membersOf(event).filter((member) => !member.startsWith(".timings"));
        const given = new Set(membersOf(same));
        expect(wanted.filter((member) => !given.has(member))).toEqual([]);
      }
    });
  },
);

describe("a stream of chat completions", () => {
  test("becomes one in order, with every text, thought and argument, cut anywhere", () => {
    fc.assert(
      fc.property(
        randomAnswer,
        fc.array(fc.nat({ max: 4000 }), { maxLength: 6 }),
        fc.boolean(),
        (answer, cuts, wantsSummary) => {
          const bytes = toBytes(answer.body);
          const places = [0, ...cuts.filter((place) => place < bytes.length), bytes.length].sort(
            (first, second) => first - second,
          );
          const pieces = places.map((place, index) =>
            bytes.subarray(place, places[index + 1] ?? bytes.length),
          );
          const members = wantsSummary ? { reasoning: { summary: "auto" } } : {};
          const events = parseResponsesEvents(responsesText(pieces, members));
          checkResponsesGrammar(events);
          expect(events.at(-1)?.type).toBe("response.completed");
          const output = outputOf(events);
          const said = (type: string) =>
            output
              .filter((item) => item.type === type)
              .flatMap(partsOf)
              .map(({ text }) => text)
              .join("");
          expect(said("message")).toBe(answer.text);
          expect(said("reasoning")).toBe(answer.thought);
          const calls = output.filter(({ type }) => type === "function_call");
          expect(calls.map(({ name, arguments: given }) => ({ name, given }))).toEqual(
            answer.calls.map(({ name, argumentsJson }) => ({ name, given: argumentsJson })),
          );
          for (const [index, { id }] of answer.calls.entries()) {
            if (id !== "") expect(calls[index]?.call_id).toBe(id);
          }
          expect(new Set(calls.map(({ call_id }) => call_id)).size).toBe(calls.length);
        },
      ),
      { numRuns: 1000 },
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
          checkResponsesGrammar(
            parseResponsesEvents(responsesText([bytes.subarray(0, at), noise, bytes.subarray(at)])),
          );
        },
      ),
      { numRuns: 700 },
    );
  });
});

const text = fc.string({ maxLength: 6 });
const index = fc.nat({ max: 3 });
const randomEvent: fc.Arbitrary<AnswerEvent> = fc.oneof(
  fc.record({ kind: fc.constantFrom("text", "reasoning", "refusal"), text }),
  fc.record({ kind: fc.constant("model" as const), model: fc.constantFrom("m", "n") }),
  fc.record({
    kind: fc.constant("tool-call" as const),
    index,
    id: text,
    name: fc.constantFrom("plain", "free", "tool_search", "unknown"),
  }),
  fc.record({
    kind: fc.constant("tool-arguments" as const),
    index,
    text: fc.constantFrom("{", "}", '"input":"a"', "{}", " ", "x", ""),
  }),
  fc.constant<AnswerEvent>({
    kind: "usage",
    usage: { inputTokens: 1, outputTokens: 2, cachedTokens: undefined, reasoningTokens: undefined },
  }),
  fc
    .constantFrom("stop" as const, "length" as const, "content-filter" as const, "tool-calls" as const)
    .map((reason): AnswerEvent => ({ kind: "finish", finish: { reason } })),
  fc.constant<AnswerEvent>({ kind: "error", error: { message: "no", status: undefined } }),
);

const tools = [
  { type: "function", name: "plain", parameters: {} },
  { type: "custom", name: "free" },
  { type: "tool_search", execution: "client", parameters: {} },
];

test("any events in any order make a stream in order, with one end", () => {
  fc.assert(
    fc.property(fc.array(randomEvent, { maxLength: 40 }), fc.boolean(), (events, wantsSummary) => {
      const body = { ...minimalRequest, tools, ...(wantsSummary && { reasoning: { summary: "auto" } }) };
      const store = createStore();
      const kept = decodeResponsesRequest(body, store);
      const context = { requestId: "req-1", body, request: kept.request, model: "m", kept };
      const encoder = new ResponsesStreamEncoder(context, store);
      let written = "";
      for (const event of events) written += encoder.push(event);
      written += encoder.fail(new OllaError("truncated", "The endpoint's answer was cut"));
      checkResponsesGrammar(parseResponsesEvents(written));
    }),
    { numRuns: 2000 },
  );
});

function chat(...chunks: object[]): Uint8Array {
  return toBytes(`${chunks.map((chunk) => `data: ${JSON.stringify(chunk)}\n\n`).join("")}data: [DONE]\n\n`);
}

function delta(said: object, finish_reason: string | null = null): object {
  return { model: "m", choices: [{ index: 0, delta: said, finish_reason }] };
}

function call(position: number, name: string | undefined, given: string): object {
  const made = {
    index: position,
    ...(name && { id: `call_${position}` }),
    function: { name, arguments: given },
  };
  return delta({ tool_calls: [made] });
}

function read(pieces: Uint8Array, members: object = {}): ResponsesEvent[] {
  const events = parseResponsesEvents(responsesText([pieces], members));
  checkResponsesGrammar(events);
  return events;
}

describe("an answer", () => {
  test("begins as soon as the endpoint says anything, before its first word", () => {
    const types = read(chat(delta({ role: "assistant", content: "" }), delta({}, "stop"))).map(
      ({ type }) => type,
    );
    expect(types).toEqual(["response.created", "response.in_progress", "response.completed"]);
  });

  test("that was cut short is incomplete, and so is only what was under way", () => {
    const events = read(
      chat(delta({ reasoning_content: "Hm" }), delta({ content: "It beg" }), delta({}, "length")),
    );
    expect(objectIn(events.at(-1), "response")).toMatchObject({
      status: "incomplete",
      incomplete_details: { reason: "max_output_tokens" },
      output: [{ status: "completed" }, { status: "incomplete" }],
    });
  });

  test("of interleaved calls has each one's arguments in its own item", () => {
    const events = read(
      chat(
        call(0, "one", '{"a"'),
        call(1, "two", '{"b"'),
        call(0, undefined, ":1}"),
        call(1, undefined, ":2}"),
        delta({}, "tool_calls"),
      ),
    );
    expect(outputOf(events)).toMatchObject([
      { type: "function_call", call_id: "call_0", name: "one", arguments: '{"a":1}', status: "completed" },
      { type: "function_call", call_id: "call_1", name: "two", arguments: '{"b":2}', status: "completed" },
    ]);
  });

  test("calls a tool without arguments with an empty object, which is told as a piece, too", () => {
    const events = read(chat(call(0, "one", ""), delta({}, "tool_calls")));
    expect(events.filter(({ type }) => type.endsWith("arguments.delta"))).toMatchObject([{ delta: "{}" }]);
    expect(outputOf(events)).toMatchObject([{ arguments: "{}" }]);
  });

  test("does not make a call of what was cut before its arguments", () => {
    const events = read(chat(call(0, "one", ""), delta({}, "length")));
    expect(outputOf(events)).toMatchObject([{ arguments: "", status: "incomplete" }]);
  });

  test("calls free-text tools with their text, and those of groups by both names", () => {
    const group = { type: "namespace", name: "agents", tools: [{ type: "function", name: "spawn" }] };
    const events = read(
      chat(
        call(0, "patch", '{"input":"*** Begin'),
        call(0, undefined, ' Patch"}'),
        call(1, "agents__spawn", "{}"),
        delta({}, "tool_calls"),
      ),
      { tools: [{ type: "custom", name: "patch" }, group] },
    );
    expect(outputOf(events)).toMatchObject([
      { type: "custom_tool_call", name: "patch", input: "*** Begin Patch" },
      { type: "function_call", name: "spawn", namespace: "agents" },
    ]);
    const pieces = events.filter(({ type }) => type.includes("custom_tool_call_input"));
    expect(pieces).toMatchObject([{ delta: "*** Begin Patch" }, { input: "*** Begin Patch" }]);
  });

  test("tells a search for tools that the client runs as such", () => {
    const events = read(chat(call(0, "tool_search", '{"query":"maps"}'), delta({}, "tool_calls")), { tools });
    expect(outputOf(events)).toMatchObject([
      { type: "tool_search_call", call_id: "call_0", execution: "client", arguments: { query: "maps" } },
    ]);
  });

  test("tells thoughts as a summary to clients that ask for one, and else as they are", () => {
    const stream = chat(delta({ reasoning_content: "Hm" }), delta({ content: "Yes" }), delta({}, "stop"));
    const [plain] = outputOf(read(stream));
    expect(plain).toMatchObject({ summary: [], content: [{ type: "reasoning_text", text: "Hm" }] });
    const events = read(stream, { reasoning: { summary: "auto" } });
    expect(outputOf(events)[0]).toMatchObject({ summary: [{ type: "summary_text", text: "Hm" }] });
    const told = events.filter(({ summary_index }) => summary_index === 0).map(({ type }) => type);
    expect(told).toEqual([
      "response.reasoning_summary_part.added",
      "response.reasoning_summary_text.delta",
      "response.reasoning_summary_text.done",
      "response.reasoning_summary_part.done",
    ]);
  });

  test("that is refused says so in a part of its own", () => {
    const events = read(chat(delta({ refusal: "I can't" }), delta({}, "stop")));
    expect(outputOf(events)).toMatchObject([{ content: [{ type: "refusal", refusal: "I can't" }] }]);
  });

  test("tells how much of it was cached and thought", () => {
    const usage = {
      prompt_tokens: 7,
      completion_tokens: 9,
      prompt_tokens_details: { cached_tokens: 3 },
      completion_tokens_details: { reasoning_tokens: 4 },
    };
    const events = read(chat(delta({ content: "a" }), delta({}, "stop"), { choices: [], usage }));
    expect(objectIn(events.at(-1), "response").usage).toEqual({
      input_tokens: 7,
      input_tokens_details: { cached_tokens: 3 },
      output_tokens: 9,
      output_tokens_details: { reasoning_tokens: 4 },
      total_tokens: 16,
    });
  });

  test("fails with the endpoint's words, and with a code that agents know where the prompt is too long", () => {
    const fail = (message: string) =>
      objectIn(read(chat(delta({ content: "a" }), { error: { message } })).at(-1), "response");
    expect(fail("CUDA error")).toMatchObject({
      status: "failed",
      error: { code: "server_error", message: "CUDA error" },
      output: [{ status: "incomplete" }],
    });
    const overflow = "request (5000 tokens) exceeds the available context size (4096 tokens)";
    expect(fail(overflow)).toMatchObject({ error: { code: "context_length_exceeded", message: overflow } });
  });
});
