import { expect, test } from "bun:test";
import { collectMessage } from "./collect-message.ts";

function streamOf(...events: object[]): Uint8Array {
  return new TextEncoder().encode(events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join(""));
}

const start = {
  type: "message_start",
  message: { id: "m", role: "assistant", content: [], stop_reason: null, usage: { input_tokens: 3 } },
};
const end = [
  { type: "message_delta", delta: { stop_reason: "tool_use" }, usage: { output_tokens: 5 } },
  { type: "message_stop" },
];

test("thoughts, text and a tool's arguments become one message", () => {
  const block = (index: number, content_block: object, ...deltas: object[]) => [
    { type: "content_block_start", index, content_block },
    ...deltas.map((delta) => ({ type: "content_block_delta", index, delta })),
    { type: "content_block_stop", index },
  ];
  const stream = streamOf(
    start,
    { type: "ping" },
    ...block(0, { type: "thinking", thinking: "" }, { thinking: "h" }, { thinking: "m" }, { signature: "S" }),
    ...block(1, { type: "text", text: "" }, { text: "he" }, { text: "llo" }),
    ...block(
      2,
      { type: "tool_use", id: "t", name: "n", input: {} },
      { partial_json: '{"a"' },
      { partial_json: ":1}" },
    ),
    ...block(3, { type: "tool_use", id: "u", name: "n", input: {} }),
    ...end,
  );
  expect(collectMessage(stream)).toEqual({
    isComplete: true,
    body: {
      id: "m",
      role: "assistant",
      content: [
        { type: "thinking", thinking: "hm", signature: "S" },
        { type: "text", text: "hello" },
        { type: "tool_use", id: "t", name: "n", input: { a: 1 } },
        { type: "tool_use", id: "u", name: "n", input: {} },
      ],
      stop_reason: "tool_use",
      usage: { input_tokens: 3, output_tokens: 5 },
    },
  });
});

test("a stream without its end, or with an error, is not complete", () => {
  expect(collectMessage(streamOf(start))).toMatchObject({ isComplete: false, body: { id: "m" } });
  const error = { type: "error", error: { type: "api_error", message: "broke" } };
  expect(collectMessage(streamOf(start, error, ...end))).toMatchObject({
    isComplete: false,
    body: { error: error.error },
  });
  expect(collectMessage(streamOf(error))).toEqual({ isComplete: false, body: error });
  expect(collectMessage(new TextEncoder().encode("nonsense"))).toEqual({
    isComplete: false,
    body: undefined,
  });
});
