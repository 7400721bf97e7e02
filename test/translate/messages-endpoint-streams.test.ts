// Streams of the Messages API, as real servers gave them, and what a client of chat completions gets.
import { describe, expect, test } from "bun:test";
import { toBytes } from "../support/bytes.ts";
import { objectAt, parseEvents } from "./support/anthropic-events.ts";
import { chatText, parseChunks, streamedChat } from "./support/messages-only.ts";
import { readNativeStream } from "./support/translate-stream.ts";

const servers = ["llama-server-b10488", "llama-server-b10488-router", "ollama-0.32.15"];

const events = (...list: readonly (object & { readonly type: string })[]) =>
  list.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`).join("");
const start = (usage: object = { input_tokens: 3, output_tokens: 1 }) => ({
  type: "message_start",
  message: { id: "msg_1", model: "claude", content: [], usage },
});
const begin = (index: number, content_block: object) => ({
  type: "content_block_start",
  index,
  content_block,
});
const delta = (index: number, said: object) => ({ type: "content_block_delta", index, delta: said });
const stop = (index: number) => ({ type: "content_block_stop", index });
const last = (stop_reason: string | null, usage: object = { output_tokens: 8 }) => ({
  type: "message_delta",
  delta: { stop_reason, stop_sequence: null },
  usage,
});
const end = { type: "message_stop" };

const toolStream = events(
  start({ input_tokens: 3, cache_read_input_tokens: 4, cache_creation_input_tokens: null, output_tokens: 1 }),
  { type: "ping" },
  begin(0, { type: "thinking", thinking: "", signature: "" }),
  delta(0, { type: "thinking_delta", thinking: "Wait, ö" }),
  delta(0, { type: "signature_delta", signature: "abc" }),
  stop(0),
  begin(1, { type: "text", text: "" }),
  delta(1, { type: "text_delta", text: "I look 🌍." }),
  stop(1),
  begin(2, { type: "tool_use", id: "toolu_1", name: "find", input: {} }),
  delta(2, { type: "input_json_delta", partial_json: "" }),
  delta(2, { type: "input_json_delta", partial_json: '{"id":1234567890' }),
  delta(2, { type: "input_json_delta", partial_json: "123456789}" }),
  stop(2),
  begin(3, { type: "server_tool_use", id: "srv_1", name: "web_search", input: {} }),
  stop(3),
  begin(4, { type: "tool_use", id: "toolu_1", name: "now", input: {} }),
  stop(4),
  begin(5, { type: "tool_use", id: "toolu_3", name: "all", input: { at: "once" } }),
  stop(5),
  last("tool_use", { output_tokens: 8, output_tokens_details: { thinking_tokens: 5 } }),
  end,
);

function* oneByOne(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 1) yield bytes.subarray(at, at + 1);
}

describe.each(servers)("%s", (server) => {
  test("says to a client of chat completions what it says itself, with its counts", async () => {
    const stream = await readNativeStream(server);
    const native = parseEvents(stream.trimEnd().concat("\n\n"));
    const said = native
      .filter(({ type }) => type === "content_block_delta")
      .map((event) => objectAt(event, "delta").text ?? "")
      .join("");
    const chunks = parseChunks(chatText([toBytes(stream)]));
    expect(said).not.toBe("");
    expect(chunks.at(-1)).toBe("[DONE]");
    const text = chunks.map((chunk) => (chunk === "[DONE]" ? "" : contentOf(chunk))).join("");
    expect(text).toBe(said);
    const usage = objectAt(native.find(({ type }) => type === "message_delta") ?? {}, "usage");
    const counted = chunks.at(-2);
    expect(counted).toMatchObject({ choices: [], usage: { completion_tokens: Number(usage.output_tokens) } });
  });

  test("is the same cut in two at any byte, byte by byte, and with CRLF", async () => {
    const stream = await readNativeStream(server);
    checkCuts(stream);
  });
});

function contentOf(chunk: object): string {
  const { choices } = chunk as { choices: readonly { delta: { content?: string } }[] };
  return choices[0]?.delta.content ?? "";
}

function checkCuts(stream: string): void {
  const bytes = toBytes(stream);
  const whole = chatText([bytes]);
  for (let at = 1; at < bytes.length; at += 1) {
    const cut = chatText([bytes.subarray(0, at), bytes.subarray(at)]);
    if (withoutIds(cut) !== withoutIds(whole)) expect({ at, cut }).toEqual({ at, cut: whole });
  }
  expect(withoutIds(chatText(oneByOne(bytes)))).toBe(withoutIds(whole));
  expect(withoutIds(chatText(oneByOne(toBytes(stream.replaceAll("\n", "\r\n")))))).toBe(withoutIds(whole));
}

function withoutIds(text: string): string {
  return text.replace(/toolu_01\w{22}/g, "toolu_any");
}

describe("a stream with thoughts and calls", () => {
  test("is told in order, the calls numbered anew, a used id replaced", () => {
    const chunks = parseChunks(withoutIds(chatText([toBytes(toolStream)])));
    const told = chunks.map((chunk) => {
      if (chunk === "[DONE]") return chunk;
      const { choices, usage } = chunk as {
        choices: readonly { delta: object; finish_reason: string | null }[];
        usage: object | null;
      };
      return choices.length === 0 ? usage : [choices[0]?.delta, choices[0]?.finish_reason];
    });
    const call = (index: number, id: string, name: string) => [
      { tool_calls: [{ index, id, type: "function", function: { name, arguments: "" } }] },
      null,
    ];
    const said = (index: number, text: string) => [
      { tool_calls: [{ index, function: { arguments: text } }] },
      null,
    ];
    expect(told).toEqual([
      [{ role: "assistant", content: "" }, null],
      [{ reasoning_content: "Wait, ö" }, null],
      [{ content: "I look 🌍." }, null],
      call(0, "toolu_1", "find"),
      said(0, '{"id":1234567890'),
      said(0, "123456789}"),
      call(1, "toolu_any", "now"),
      said(1, "{}"),
      call(2, "toolu_3", "all"),
      said(2, '{"at":"once"}'),
      [{}, "tool_calls"],
      {
        prompt_tokens: 7,
        completion_tokens: 8,
        total_tokens: 15,
        prompt_tokens_details: { cached_tokens: 4 },
        completion_tokens_details: { reasoning_tokens: 5 },
      },
      "[DONE]",
    ]);
  });

  test("is the same however it is cut", () => checkCuts(toolStream));
});

describe("the end of a stream", () => {
  const text = [start(), begin(0, { type: "text", text: "Half" }), stop(0)];
  const lastOf = (stream: string, body?: object) => parseChunks(chatText([toBytes(stream)], body)).at(-1);

  test("is none where it was cut: an error, and no [DONE]", () => {
    const cut = chatText([toBytes(events(...text))]);
    expect(cut).not.toContain("[DONE]");
    expect(lastOf(events(...text))).toMatchObject({
      error: { message: "The endpoint's answer stopped before its end", code: null },
    });
  });

  test("is believed after a stop_reason, without message_stop", () => {
    expect(lastOf(events(...text, last("end_turn")))).toBe("[DONE]");
    expect(lastOf(events(...text, last(null)))).toMatchObject({ error: {} });
  });

  test("is the endpoint's own error, whatever comes behind it", () => {
    const error = { type: "error", error: { type: "overloaded_error", message: "Overloaded" } };
    const stream = events(...text, error, last("end_turn"), end);
    expect(lastOf(stream)).toMatchObject({ error: { message: "Overloaded" } });
    expect(chatText([toBytes(stream)])).not.toContain("[DONE]");
  });

  test("says why: the limit, a refusal, a call although the endpoint calls it the end of its turn", () => {
    const why = (reason: string, ...blocks: readonly (object & { type: string })[]) =>
      /"finish_reason":"(\w+)"/.exec(chatText([toBytes(events(start(), ...blocks, last(reason), end))]))?.[1];
    expect(why("end_turn")).toBe("stop");
    expect(why("stop_sequence")).toBe("stop");
    expect(why("max_tokens")).toBe("length");
    expect(why("model_context_window_exceeded")).toBe("length");
    expect(why("refusal")).toBe("content_filter");
    const call = begin(0, { type: "tool_use", id: "t", name: "n", input: {} });
    expect(why("end_turn", call, stop(0))).toBe("tool_calls");
  });

  test("has no usage for a client that did not ask for it", () => {
    const { stream_options: _, ...plain } = streamedChat;
    expect(chatText([toBytes(toolStream)], plain)).not.toContain("usage");
  });
});
