import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { createStreamWatch, judgeEnd, type StreamWatch, type WatchedAnswer } from "./stream-watch.ts";

const chat: WatchedAnswer = {
  status: 200,
  contentType: "text/event-stream; charset=utf-8",
  contentEncoding: null,
  path: "/v1/chat/completions",
};
const messages = { ...chat, path: "/v1/messages?beta=true" };
const responses = { ...chat, path: "/v1/responses" };
const ollama = { ...chat, path: "/api/chat", contentType: "application/x-ndjson" };

const encoder = new TextEncoder();

function watchOf(answer: WatchedAnswer, ...pieces: (string | Uint8Array)[]): StreamWatch {
  const watch = createStreamWatch(answer);
  if (watch === undefined) throw new Error("not watched");
  for (const piece of pieces) watch.push(typeof piece === "string" ? encoder.encode(piece) : piece);
  return watch;
}

function stateOf(watch: StreamWatch): object {
  const { hasContent, hasEvents, isTerminated, isAtEventBoundary, lastByte, errorEvent, eventCount } = watch;
  return { hasContent, hasEvents, isTerminated, isAtEventBoundary, lastByte, errorEvent, eventCount };
}

function sse(...events: unknown[]): string {
  return events
    .map((event) => `data: ${typeof event === "string" ? event : JSON.stringify(event)}\n\n`)
    .join("");
}

function delta(members: object, finishReason: string | null = null): object {
  return { choices: [{ index: 0, delta: members, finish_reason: finishReason }] };
}

describe("which answers are watched", () => {
  test("event streams and JSON lines, whatever their parameters and case", () => {
    for (const contentType of [
      "text/event-stream",
      "Text/Event-Stream; charset=utf-8",
      "application/x-ndjson",
    ]) {
      expect(createStreamWatch({ ...chat, contentType })).toBeDefined();
    }
  });

  test("not other types, no type, or a compressed body", () => {
    for (const contentType of ["application/json", "text/plain", "", null]) {
      expect(createStreamWatch({ ...chat, contentType })).toBeUndefined();
    }
    expect(createStreamWatch({ ...chat, contentEncoding: "gzip" })).toBeUndefined();
    expect(createStreamWatch({ ...chat, contentEncoding: "identity" })).toBeDefined();
  });

  test.each([
    ["progress of a pull", { ...ollama, path: "/api/pull" }, '{"status":"pulling"}\n'],
    ["events of an unknown path", { ...chat, path: "/v1/audio/transcriptions" }, "data: {}\n\n"],
    ["an error answer", { ...chat, status: 500 }, 'data: {"error":"no"}\n\n'],
    ["JSON lines where events were expected", { ...ollama, path: "/v1/chat/completions" }, "{}\n"],
  ] as const)("%s is never held back and never taken for cut", (_name, answer, text) => {
    expect(watchOf(answer).hasContent).toBe(true);
    expect(judgeEnd(watchOf(answer, text.slice(0, 5)))).toBe("complete");
    expect(judgeEnd(watchOf(answer, text))).toBe("complete");
  });
});

describe("preludes are not content", () => {
  test.each([
    ["a role", chat, sse(delta({ role: "assistant" }))],
    [
      "a role with empty content",
      chat,
      sse(delta({ role: "assistant", content: "", reasoning_content: null })),
    ],
    [
      "a role with usage so far",
      chat,
      sse({ ...delta({ role: "assistant", content: "" }), usage: { total_tokens: 9 } }),
    ],
    ["a completion without text", chat, sse({ choices: [{ text: "", finish_reason: null }] })],
    [
      "choices without any, and no usage",
      chat,
      sse({ choices: [], usage: null, prompt_filter_results: [{}] }),
    ],
    ["comments", chat, ": OPENROUTER PROCESSING\n\n: again\n\n"],
    ["a name or an id without data", chat, "event: message\nid: 1\nretry: 5\n\n"],
    [
      "the start of a message",
      messages,
      `event: message_start\n${sse({ type: "message_start", message: { content: [] } })}`,
    ],
    ["a ping", messages, `event: ping\n${sse({ type: "ping" })}`],
    [
      "a text block with nothing in it",
      messages,
      sse({ type: "content_block_start", content_block: { type: "text", text: "" } }),
    ],
    [
      "a delta with nothing in it",
      messages,
      sse({ type: "content_block_delta", delta: { type: "text_delta", text: "" } }),
    ],
    ["a response that was created", responses, sse({ type: "response.created", response: { error: null } })],
    ["a response under its event name only", responses, "event: response.in_progress\ndata: {}\n\n"],
    [
      "an empty message item",
      responses,
      sse({ type: "response.output_item.added", item: { type: "message", content: [] } }),
    ],
    [
      "an empty part",
      responses,
      sse({ type: "response.content_part.added", part: { type: "output_text", text: "" } }),
    ],
    ["an empty line of Ollama's", ollama, '{"message":{"role":"assistant","content":""},"done":false}\n\n'],
  ] as const)("%s", (_name, answer, text) => {
    const watch = watchOf(answer, text);
    expect(watch.hasContent).toBe(false);
    expect(watch.errorEvent).toBeUndefined();
    expect(judgeEnd(watch)).toBe("cut");
  });
});

describe("content ends the waiting", () => {
  test.each([
    ["content", chat, sse(delta({ content: "x" }))],
    ["reasoning", chat, sse(delta({ role: "assistant", reasoning_content: "hm" }))],
    ["a tool call", chat, sse(delta({ tool_calls: [{ index: 0 }] }))],
    ["a member that nobody knows yet", chat, sse(delta({ hologram: "x" }))],
    [
      "the second of two choices",
      chat,
      sse({ choices: [{ delta: { role: "a" } }, { delta: { content: "x" } }] }),
    ],
    ["a completion's text", chat, sse({ choices: [{ text: "x" }] })],
    [
      "progress that the client asked for",
      chat,
      sse({ ...delta({ role: "a" }), prompt_progress: { total: 9 } }),
    ],
    ["the end of an empty answer", chat, sse(delta({}, "stop"))],
    ["usage alone", chat, sse({ choices: [], usage: { total_tokens: 4 } })],
    ["[DONE]", chat, sse("[DONE]")],
    [
      "a text delta",
      messages,
      sse({ type: "content_block_delta", delta: { type: "text_delta", text: "x" } }),
    ],
    [
      "a tool use",
      messages,
      sse({ type: "content_block_start", content_block: { type: "tool_use", input: {} } }),
    ],
    ["an end without content", messages, sse({ type: "message_delta", delta: { stop_reason: "end_turn" } })],
    ["an output delta", responses, sse({ type: "response.output_text.delta", delta: "x" })],
    [
      "a function call",
      responses,
      sse({ type: "response.output_item.added", item: { type: "function_call" } }),
    ],
    ["a completed response", responses, sse({ type: "response.completed", response: {} })],
    ["a chat line", ollama, '{"message":{"role":"assistant","content":"x"},"done":false}\n'],
    ["thinking", ollama, '{"message":{"role":"assistant","content":"","thinking":"hm"},"done":false}\n'],
    ["a tool call of Ollama's", ollama, '{"message":{"content":"","tool_calls":[{}]},"done":false}\n'],
    ["a generated piece", { ...ollama, path: "/api/generate" }, '{"response":"x","done":false}\n'],
    ["a model that was only loaded", ollama, '{"message":{"content":""},"done":true,"done_reason":"load"}\n'],
  ] as const)("%s", (_name, answer, text) => {
    expect(watchOf(answer, text).hasContent).toBe(true);
  });

  test.each([
    ["an object of another shape", chat, sse({ token: "x" })],
    ["a list", chat, sse([1])],
    ["plain text", chat, sse("hello")],
    ["broken JSON in a whole event", chat, sse('{"choices":')],
    ["another API's events", chat, sse({ type: "content_block_delta", delta: { text: "x" } })],
    ["a line that is no JSON", ollama, "hello\n"],
  ] as const)("%s is not understood, so it is neither held back nor judged", (_name, answer, text) => {
    const watch = watchOf(answer, text);
    expect(watch.hasContent).toBe(true);
    expect(judgeEnd(watch)).toBe("complete");
  });

  test("an event that grows past 64 KiB is content before it ends, and its end is still found", () => {
    const watch = watchOf(chat, `data: {"choices":[{"delta":{"content":"${"x".repeat(70_000)}`);
    expect(watch.hasContent).toBe(true);
    watch.push(encoder.encode('"},"finish_reason":null}]}\n\n'));
    expect(stateOf(watch)).toMatchObject({ isTerminated: false, isAtEventBoundary: true });
    watch.push(encoder.encode(sse("[DONE]")));
    expect(judgeEnd(watch)).toBe("complete");
  });
});

describe("errors before the content", () => {
  test.each([
    ["OpenAI's", chat, sse({ error: { message: "no slot", code: 503 } }), "no slot", 503],
    ["one that is only text", chat, sse({ error: "out of memory" }), "out of memory", undefined],
    ["vLLM's older one", chat, sse({ object: "error", message: "bad", code: 400 }), "bad", 400],
    [
      "after a role",
      chat,
      sse(delta({ role: "assistant" }), { error: { message: "died", code: "x" } }),
      "died",
      undefined,
    ],
    ["under an event name, as text", chat, "event: error\ndata: crashed\n\n", "crashed", undefined],
    [
      "Anthropic's",
      messages,
      `event: error\n${sse({ type: "error", error: { type: "overloaded_error", message: "busy" } })}`,
      "busy",
      undefined,
    ],
    [
      "of the Responses API",
      responses,
      sse({ type: "error", code: "server_error", message: "broke" }),
      "broke",
      undefined,
    ],
    [
      "a response that failed",
      responses,
      sse({ type: "response.failed", response: { error: { code: "x", message: "no" } } }),
      "no",
      undefined,
    ],
    ["Ollama's", ollama, '{"error":"model runner has stopped"}\n', "model runner has stopped", undefined],
  ] as const)("%s", (_name, answer, text, message, status) => {
    const watch = watchOf(answer, text);
    expect(watch.hasContent).toBe(false);
    expect(watch.errorEvent).toEqual({ message, status });
    expect(judgeEnd(watch)).toBe("failed");
  });

  test("a message is cut to a bearable length, and one that is missing is shown as it came", () => {
    const long = watchOf(chat, sse({ error: { message: "x".repeat(5000) } }));
    expect(long.errorEvent?.message).toHaveLength(1000);
    expect(watchOf(chat, sse({ error: { reason: "y" } })).errorEvent?.message).toBe('{"reason":"y"}');
  });

  test("an SSE field of that name is one, as llama.cpp wrote it until late 2025, before the content and after it", () => {
    const field = 'error: {"code":400,"message":"too long"}\n\n';
    const errorEvent = { message: "too long", status: 400 };
    expect(stateOf(watchOf(chat, field))).toMatchObject({ hasContent: false, errorEvent });
    const late = watchOf(chat, sse(delta({ content: "a" })), field);
    expect(late.errorEvent).toEqual(errorEvent);
    expect(judgeEnd(late)).toBe("failed");
    expect(watchOf(chat, sse(delta({ content: "a" })) + field).errorEvent).toEqual(errorEvent);
    expect(watchOf(chat, sse(delta({ content: "error: none" }))).errorEvent).toBeUndefined();
  });

  test("`error: null` is none", () => {
    expect(watchOf(chat, sse({ ...delta({ content: "x" }), error: null }))).toMatchObject({
      hasContent: true,
      errorEvent: undefined,
    });
  });

  test("the last line counts without its line end", () => {
    const watch = watchOf(ollama, '{"error":"gone"}');
    expect(watch.errorEvent).toBeUndefined();
    watch.end();
    expect(watch.errorEvent?.message).toBe("gone");
  });
});

describe("how an answer ends", () => {
  const begun = sse(delta({ content: "x" }));

  test.each([
    ["[DONE]", chat, begun + sse("[DONE]"), "complete"],
    ["[DONE] with nothing after it", chat, `${begun}data: [DONE]`, "complete"],
    ["a finish reason and no [DONE]", chat, begun + sse(delta({}, "stop")), "complete"],
    ["no finish reason and no [DONE]", chat, begun, "cut"],
    ["[DONE] inside the text", chat, begun + sse(delta({ content: "[DONE]" })), "cut"],
    [
      "a finish reason inside the text",
      chat,
      begun + sse(delta({ content: '"finish_reason":"stop"' })),
      "cut",
    ],
    ["half of [DONE]", chat, `${begun}data: [DON`, "cut"],
    ["an error in the middle", chat, begun + sse({ error: { message: "died" } }), "failed"],
    ["an error and [DONE]", chat, begun + sse({ error: { message: "died" } }, "[DONE]"), "failed"],
    ["the word error in the text", chat, begun + sse(delta({ content: '"error"' }, "stop")), "complete"],
    ["the name message_stop without its data", messages, "event: message_stop\n", "cut"],
    ["[DONE] in another API", messages, sse({ type: "message_delta", delta: {} }, "[DONE]"), "complete"],
    ["an incomplete response", responses, sse({ type: "response.incomplete", response: {} }), "complete"],
    ["nothing at all", chat, "", "cut"],
    [
      "`done` inside a tool's arguments",
      ollama,
      '{"message":{"tool_calls":[{"a":{"done":true}}]},"done":false}\n',
      "cut",
    ],
  ] as const)("%s", (_name, answer, text, expected) => {
    expect(judgeEnd(watchOf(answer, text))).toBe(expected);
  });

  test("terminal events longer than 64 KiB are found by their markers, wherever those stand", () => {
    const filler = "7,".repeat(50_000);
    const generate = { ...ollama, path: "/api/generate" };
    const line = `{"response":"","done":true,"context":[${filler}7],"eval_count":1}\n`;
    const completed = sse(`{"response":{"output":[${filler}7]},"type":"response.completed"}`);
    for (const [answer, text] of [
      [generate, line],
      [responses, completed],
    ] as const) {
      expect(judgeEnd(watchOf(answer, text))).toBe("complete");
      expect(judgeEnd(watchOf(answer, text.slice(0, -20)))).toBe("cut");
      for (const size of [1, 1000, 4096, 65_536]) {
        const watch = watchOf(answer);
        const bytes = encoder.encode(text);
        for (let at = 0; at < bytes.length; at += size) watch.push(bytes.subarray(at, at + size));
        expect(judgeEnd(watch)).toBe("complete");
      }
    }
  });
});

describe("event boundaries", () => {
  test.each([
    ["", true],
    ["data: x", false],
    ["data: x\n", false],
    ["data: x\n\n", true],
    ["data: x\r\n\r", false],
    ["data: x\r\n\r\n", true],
    ["data: x\r\r", true],
    [": comment\n", false],
  ])("%j", (text, expected) => {
    expect(watchOf(chat, text).isAtEventBoundary).toBe(expected);
  });

  test("of JSON lines are line ends", () => {
    expect(watchOf(ollama, "{}").isAtEventBoundary).toBe(false);
    expect(watchOf(ollama, "{}\n").isAtEventBoundary).toBe(true);
  });

  test("are followed in streams of unknown kind and after the end, too", () => {
    const watch = watchOf({ ...chat, path: "/events" }, "data: x\n");
    expect(watch).toMatchObject({ isAtEventBoundary: false, lastByte: 0x0a });
    watch.push(encoder.encode("\n"));
    expect(watch.isAtEventBoundary).toBe(true);
  });
});

describe("any cutting of a stream gives the same answer", () => {
  const event = fc.constantFrom(
    sse(delta({ role: "assistant" })),
    sse(delta({ content: "grüß 👋" })),
    sse(delta({ content: "\\[DONE]\\" })),
    sse(delta({}, "stop")),
    sse({ choices: [], usage: { total_tokens: 3 } }),
    sse({ error: { message: "❌" } }),
    sse("[DONE]"),
    sse("not JSON"),
    'data:{"choices":[{"delta":\ndata:{"content":"two lines"}}]}\n\n',
    "event: error\ndata: text\n\n",
    "event: message_stop\ndata: {}\n\n",
    ": comment\n\n",
    "\n",
    "\r",
    "data: 1\r\rdata: 2\n\rdata: 3\r\n\n",
    `data: {"choices":[{"delta":{"content":"${"x".repeat(66_000)}"},"finish_reason": null}]}\n\n`,
  );
  const lineEnd = fc.constantFrom("\n", "\r\n", "\r");
  const stream = fc
    .tuple(fc.array(event, { maxLength: 6 }), lineEnd, fc.boolean())
    .map(([events, end, hasMark]) => `${hasMark ? "\uFEFF" : ""}${events.join("").replaceAll("\n", end)}`);

  test("of events", () => {
    fc.assert(
      fc.property(stream, fc.array(fc.nat(), { maxLength: 20 }), fc.nat(), (text, cuts, length) => {
        const all = encoder.encode(text);
        const bytes = all.subarray(0, all.length - (length % 8));
        const whole = watchOf(chat, bytes);
        const places = cuts.map((cut) => cut % (bytes.length + 1)).sort((first, second) => first - second);
        const pieces = [0, ...places].map((place, at) => bytes.subarray(place, places[at] ?? bytes.length));
        const inPieces = watchOf(chat, ...pieces);
        expect(stateOf(inPieces)).toEqual(stateOf(whole));
        expect(judgeEnd(inPieces)).toBe(judgeEnd(whole));
        expect(stateOf(inPieces)).toEqual(stateOf(whole));
      }),
      { numRuns: 500 },
    );
  });

  test("of JSON lines", () => {
    const line = fc.constantFrom(
      '{"message":{"role":"assistant","content":""},"done":false}',
      '{"message":{"content":"é"},"done":false}',
      '{"message":{"content":""},"done":true}',
      '{"error":"x"}',
      "",
    );
    fc.assert(
      fc.property(
        fc.array(line),
        fc.constantFrom("\n", "\r\n"),
        fc.integer({ min: 1, max: 40 }),
        (lines, end, size) => {
          const bytes = encoder.encode(lines.join(end));
          const whole = watchOf(ollama, bytes);
          const inPieces = watchOf(ollama);
          for (let at = 0; at < bytes.length; at += size) inPieces.push(bytes.subarray(at, at + size));
          expect(stateOf(inPieces)).toEqual(stateOf(whole));
          expect(judgeEnd(inPieces)).toBe(judgeEnd(whole));
        },
      ),
    );
  });
});

test("CR alone ends lines as well as LF does: nothing is held back", () => {
  const text = sse(delta({ role: "assistant" }), delta({ content: "x" })).replaceAll("\n", "\r");
  expect(watchOf(chat, text)).toMatchObject({ hasContent: true, eventCount: 2 });
});
