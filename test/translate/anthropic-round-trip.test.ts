// What both dialects can say comes through: decode(encode(x)) keeps it, whatever x.
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { isObject, type JsonObject } from "../../src/lib/json.ts";
import { decodeAnthropicRequest } from "../../src/translate/anthropic/decode-request.ts";
import { toBytes, toText } from "../support/bytes.ts";
import { askText, minimal } from "./support/ask-anthropic.ts";
import { targetOf, translateMessages } from "./support/translate-stream.ts";

const word = fc.string({ unit: "binary", minLength: 1, maxLength: 10 });
const name = fc.stringMatching(/^[a-zA-Z0-9_-]{1,12}$/);
const json = fc.dictionary(fc.string({ maxLength: 5 }), fc.jsonValue({ maxDepth: 3 }), { maxKeys: 4 });

const textBlock = fc.record({ type: fc.constant("text"), text: word });
const toolUse = fc.record({ type: fc.constant("tool_use"), id: name, name, input: json });
const image = fc.record({
  type: fc.constant("image"),
  source: fc.record({
    type: fc.constant("base64"),
    media_type: fc.constant("image/png"),
    data: fc.base64String({ minLength: 4 }),
  }),
});

/** A turn: the model says something and calls, the results come back, the user goes on. */
const turn = fc
  .tuple(
    fc.array(textBlock, { maxLength: 2 }),
    fc.uniqueArray(toolUse, { selector: ({ id }) => id, maxLength: 3 }),
    fc.array(fc.oneof(textBlock, image), { minLength: 1, maxLength: 3 }),
    word,
  )
  .map(([said, calls, answer, told]) => [
    { role: "assistant", content: [...said, ...calls] },
    {
      role: "user",
      content: [
        ...calls.map(({ id }) => ({ type: "tool_result", tool_use_id: id, content: told })),
        ...answer,
      ],
    },
  ]);

const body = fc.record(
  {
    model: word,
    max_tokens: fc.integer({ min: 1, max: 1e9 }),
    messages: fc
      .array(turn, { minLength: 1, maxLength: 3 })
      .map((turns) => [{ role: "user", content: "Begin." }, ...turns.flat()]),
    system: fc.oneof(word, fc.array(textBlock)),
    tools: fc.uniqueArray(fc.record({ name, description: word, input_schema: json }), {
      selector: (tool) => tool.name,
      maxLength: 3,
    }),
    temperature: fc.double({ min: 0, max: 2, noNaN: true }),
    top_p: fc.double({ min: 0, max: 1, noNaN: true }),
    top_k: fc.nat(),
    stop_sequences: fc.array(word, { minLength: 1 }),
    stream: fc.boolean(),
    metadata: fc.record({ user_id: fc.string({ minLength: 1, maxLength: 20 }) }),
    some_new_member: fc.jsonValue(),
  },
  { requiredKeys: ["model", "max_tokens", "messages"] },
);

function listAt(value: JsonObject, member: string): readonly JsonObject[] {
  const list = value[member];
  return Array.isArray(list) ? list.filter(isObject) : [];
}

function blocksOf(asked: JsonObject, type: string): readonly JsonObject[] {
  return listAt(asked, "messages").flatMap((message) =>
    listAt(message, "content").filter((block) => block.type === type),
  );
}

describe("a request", () => {
  test("keeps its tools, calls, results, images and numbers", () => {
    fc.assert(
      fc.property(body, (asked) => {
        const told: JsonObject = JSON.parse(askText(asked));
        const messages = listAt(told, "messages");
        expect(told).toMatchObject({ max_tokens: asked.max_tokens, stream: asked.stream ?? false });
        for (const member of ["temperature", "top_p", "top_k"] as const) {
          if (asked[member] !== undefined) expect(told[member]).toBe(asked[member] === 0 ? 0 : asked[member]);
        }
        expect(told.stop).toEqual(asked.stop_sequences);
        expect(told.user).toEqual(asked.metadata?.user_id);
        // As text: the order of members counts.
        expect(listAt(told, "tools").map((tool) => JSON.stringify(tool.function))).toEqual(
          (asked.tools ?? []).map((tool) =>
            JSON.stringify({
              name: tool.name,
              description: tool.description,
              parameters: JSON.parse(JSON.stringify(tool.input_schema)),
            }),
          ),
        );
        expect(messages.flatMap((message) => listAt(message, "tool_calls"))).toEqual(
          blocksOf(asked, "tool_use").map(({ id, name: called, input }) => ({
            id,
            type: "function",
            function: { name: called, arguments: JSON.stringify(JSON.parse(JSON.stringify(input))) },
          })),
        );
        expect(messages.filter(({ role }) => role === "tool")).toEqual(
          blocksOf(asked, "tool_result").map((block) => ({
            role: "tool",
            tool_call_id: block.tool_use_id,
            content: block.content,
          })),
        );
        const images = messages.flatMap((message) =>
          listAt(message, "content").filter(({ type }) => type === "image_url"),
        );
        expect(images).toHaveLength(blocksOf(asked, "image").length);
      }),
      { numRuns: 500 },
    );
  });

  test("is read the same however often it was read and written", () => {
    fc.assert(
      fc.property(body, (asked) => {
        const copy: JsonObject = JSON.parse(JSON.stringify(asked));
        expect(decodeAnthropicRequest(copy)).toEqual(
          decodeAnthropicRequest(JSON.parse(JSON.stringify(copy))),
        );
      }),
    );
  });

  test("keeps numbers of any length, in schemas and arguments", () => {
    const schema = '{"type":"object","properties":{"id":{"type":"integer","maximum":18446744073709551615}}}';
    const input = '{"id":1234567890123456789,"near":0.1}';
    const text = `{"model":"m","max_tokens":5,"tools":[{"name":"find","input_schema":${schema}}],"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":[{"type":"tool_use","id":"t1","name":"find","input":${input}}]}]}`;
    const told = askText(text);
    expect(told).toContain(`"parameters":${schema}`);
    expect(told).toContain(`"arguments":${JSON.stringify(input)}`);
  });
});

describe("an answer", () => {
  const call = fc.record({ id: name, name, input: json });
  const answer = fc.record({
    text: fc.option(word, { nil: undefined }),
    thought: fc.option(word, { nil: undefined }),
    calls: fc.uniqueArray(call, { selector: ({ id }) => id, maxLength: 3 }),
  });

  test("keeps its texts, thoughts and calls, with their ids and inputs", () => {
    fc.assert(
      fc.property(answer, ({ text, thought, calls }) => {
        const message = {
          content: text ?? null,
          reasoning_content: thought,
          tool_calls: calls.map(({ id, name: called, input }) => ({
            id,
            function: { name: called, arguments: JSON.stringify(input) },
          })),
        };
        const bytes = toBytes(JSON.stringify({ choices: [{ message, finish_reason: "stop" }] }));
        const { body: written } = translateMessages(minimal).decodeWhole(bytes, targetOf("vllm"));
        const { content } = JSON.parse(toText(written));
        const expected = [
          ...(thought === undefined ? [] : [{ type: "thinking", thinking: thought, signature: "" }]),
          ...(text === undefined ? [] : [{ type: "text", text }]),
          ...calls.map(({ id, name: called, input }) => ({
            type: "tool_use",
            id,
            name: called,
            input: JSON.parse(JSON.stringify(input)),
          })),
        ];
        expect(content).toEqual(expected.length === 0 ? [{ type: "text", text: "" }] : expected);
      }),
      { numRuns: 500 },
    );
  });

  test("keeps numbers of any length in the inputs of tools", () => {
    const input = '{"id":1234567890123456789}';
    const message = { tool_calls: [{ id: "c1", function: { name: "find", arguments: input } }] };
    const bytes = toBytes(JSON.stringify({ choices: [{ message }] }));
    const { body: written } = translateMessages(minimal).decodeWhole(bytes, targetOf("vllm"));
    expect(toText(written)).toContain(`"input":${input}`);
  });
});
