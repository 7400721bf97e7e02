import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import * as v from "valibot";
import { compileMetrics, metricsSchema } from "../profiles/metrics-block.ts";
import { BodyTail } from "../proxy/body-tail.ts";
import type { StreamFraming } from "../proxy/stream-kind.ts";
import { type EndedAnswer, extractMetrics } from "./metrics-extraction.ts";

interface Given {
  readonly framing?: StreamFraming;
  readonly headers?: Record<string, string>;
  readonly totalMs?: number;
  readonly ttftMs?: number;
}

function profileOf(extraction: Record<string, unknown> = {}) {
  const { extraction: metrics } = compileMetrics(v.parse(metricsSchema, { extraction }));
  return metrics === undefined ? {} : { metrics };
}

const plain = profileOf();

function answerOf(body: string, given: Given = {}): EndedAnswer {
  const { framing, headers = {}, totalMs = 1000, ttftMs } = given;
  return {
    body: Buffer.from(body),
    framing,
    headers: new Headers(headers),
    measured: { totalMs, ttftMs },
  };
}

function tailOf(body: Uint8Array, pieceBytes: number, hasEvents = true): BodyTail {
  const tail = new BodyTail(hasEvents);
  for (let at = 0; at < body.length; at += pieceBytes) tail.push(body.subarray(at, at + pieceBytes));
  return tail;
}

const events = (...documents: unknown[]) =>
  documents.map((each) => `data: ${JSON.stringify(each)}\n\n`).join("");

describe("the profile decides", () => {
  test("without a block, or with one that is switched off, nothing is looked at", () => {
    const answer = answerOf('{"model":"m","usage":{"prompt_tokens":1}}');
    expect(extractMetrics({}, answer)).toBeUndefined();
    expect(extractMetrics(profileOf({ enabled: false }), answer)).toBeUndefined();
  });

  test("where each figure stands, and in which unit", () => {
    const profile = profileOf({
      paths: {
        model: "$.who",
        input_tokens: "in",
        output_tokens: "out",
        total_tokens: "$.sum",
        ttft_ms: "$.t.first",
        total_time_ms: "$.t.all",
        generation_time_ms: "$.t.rest",
        load_duration: "$.ignored",
        load_duration_ns: "$.t.load",
        prompt_ms: "$.t.prompt",
        is_complete: "$.ready",
      },
    });
    const body = {
      who: "m",
      in: 3.9,
      out: 2 ** 40,
      sum: -1,
      ready: true,
      t: { first: 1.5, all: 9, rest: 7, load: 2e6, prompt: 4 },
    };
    expect(extractMetrics(profile, answerOf(JSON.stringify(body)))).toEqual({
      model: "m",
      input_tokens: 3,
      output_tokens: 2_147_483_647,
      total_tokens: 2_147_483_647,
      ttft_ms: 1.5,
      total_ms: 9,
      generation_ms: 7,
      model_load_ms: 2,
      prompt_ms: 4,
      is_complete: true,
      tokens_per_sec: (2_147_483_647 * 1000) / 7,
    });
  });

  test("what is calculated, with what was measured here where the answer has no figure", () => {
    const profile = profileOf({
      calculations: {
        tokens_per_second:
          "output_tokens > 0 && response_time_ms > 0 ? output_tokens * 1000 / response_time_ms : 0",
        prompt_ms: "ttft_ms - 1",
        generation_ms: "total_ms - ttft_ms",
        is_complete: "finish_reason != null",
        total_ms: "nowhere / 2",
        model_load_ms: "1 / 0",
        unheard_of: "1",
      },
    });
    const body = events({ choices: [{ finish_reason: "stop" }], usage: { completion_tokens: 50 } });
    expect(extractMetrics(profile, answerOf(body, { framing: "sse", totalMs: 500, ttftMs: 100 }))).toEqual({
      finish_reason: "stop",
      output_tokens: 50,
      ttft_ms: 100,
      prompt_ms: 99,
      generation_ms: 400,
      tokens_per_sec: 100,
      is_complete: true,
    });
  });

  test("whether headers tell it, beside the body or instead of it", () => {
    const headers = { "x-in": "12", "x-done": "true", "x-model": "from-header", "x-bad": "many" };
    const named = {
      input_tokens: "X-In",
      is_complete: "x-done",
      model: "x-model",
      output_tokens: "x-bad",
      ttft_ms: "x-none",
    };
    const body = '{"usage":{"completion_tokens":5}}';
    expect(extractMetrics(profileOf({ headers: named }), answerOf(body, { headers }))).toEqual({
      model: "from-header",
      input_tokens: 12,
      output_tokens: 5,
      total_tokens: 17,
      is_complete: true,
    });
    const alone = profileOf({ headers: named, source: "response_headers" });
    expect(extractMetrics(alone, answerOf(body, { headers }))).toEqual({
      model: "from-header",
      input_tokens: 12,
      is_complete: true,
    });
  });
});

describe("a stream", () => {
  test("tells its usage in a chunk without choices, and its finish reason before", () => {
    const body = `${events(
      { model: "m", choices: [{ delta: { content: "x" }, finish_reason: null }] },
      { model: "m", choices: [{ delta: {}, finish_reason: "stop" }] },
      { model: "m", choices: [], usage: { prompt_tokens: 7, completion_tokens: 2, total_tokens: 9 } },
    )}: comment\n\ndata: [DONE]\n\n`;
    const expected = {
      model: "m",
      finish_reason: "stop",
      input_tokens: 7,
      output_tokens: 2,
      total_tokens: 9,
    };
    expect(extractMetrics(plain, answerOf(body, { framing: "sse" }))).toEqual(expected);
    expect(extractMetrics(plain, answerOf(body.replaceAll("\n", "\r\n"), { framing: "sse" }))).toEqual(
      expected,
    );
    expect(extractMetrics(plain, answerOf(body.replaceAll("data: ", "data:"), { framing: "sse" }))).toEqual(
      expected,
    );
  });

  test("says the last of a usage that grows", () => {
    const body = events(
      { usage: { prompt_tokens: 7, completion_tokens: 1 } },
      { usage: { prompt_tokens: 7, completion_tokens: 2 } },
      { usage: null },
    );
    expect(extractMetrics(plain, answerOf(body, { framing: "sse" }))).toEqual({
      input_tokens: 7,
      output_tokens: 2,
      total_tokens: 9,
    });
  });

  test("of Anthropic's counts the cached part of the prompt beside the rest of it", () => {
    const start = {
      input_tokens: 4,
      cache_read_input_tokens: 20,
      cache_creation_input_tokens: 6,
      output_tokens: 1,
    };
    const body = events(
      { type: "message_start", message: { model: "m", usage: start } },
      {
        type: "message_delta",
        delta: { stop_reason: "end_turn" },
        usage: { input_tokens: 0, output_tokens: 12 },
      },
      { type: "message_stop" },
    );
    expect(extractMetrics(plain, answerOf(body, { framing: "sse" }))).toEqual({
      model: "m",
      finish_reason: "end_turn",
      input_tokens: 30,
      output_tokens: 12,
      total_tokens: 42,
      cached_tokens: 20,
      cache_creation_tokens: 6,
    });
  });

  test("of Anthropic's that is longer than what is kept still tells what its first event said", () => {
    const delta = {
      type: "content_block_delta",
      index: 0,
      delta: { type: "text_delta", text: "x".repeat(50) },
    };
    const body = Buffer.from(
      events(
        { type: "message_start", message: { model: "m", usage: { input_tokens: 30, output_tokens: 1 } } },
        ...Array.from({ length: 2000 }, () => delta),
        { type: "message_delta", delta: { stop_reason: "end_turn" }, usage: { output_tokens: 2000 } },
        { type: "message_stop" },
      ),
    );
    const expected = {
      model: "m",
      finish_reason: "end_turn",
      input_tokens: 30,
      output_tokens: 2000,
      total_tokens: 2030,
    };
    const rest = {
      framing: "sse",
      headers: new Headers(),
      measured: { totalMs: 1, ttftMs: undefined },
    } as const;
    for (const pieceBytes of [1, 113, 4096, 500_000]) {
      expect(extractMetrics(plain, { ...rest, tail: tailOf(body, pieceBytes) })).toEqual(expected);
    }
    expect(extractMetrics(plain, { ...rest, body })).toEqual(expected);
  });

  test("of Responses whose last event is larger than what is kept still tells its usage", () => {
    const output = [{ type: "message", content: [{ text: 'say "}]{[", \\" '.repeat(9000) }] }];
    const response = {
      model: "m",
      status: "completed",
      output,
      tools: [],
      usage: { input_tokens: 5, output_tokens: 6, total_tokens: 11 },
    };
    const body = events({ type: "response.completed", response, sequence_number: 3 });
    expect(body.length).toBeGreaterThan(100_000);
    expect(extractMetrics(plain, answerOf(body, { framing: "sse" }))).toEqual({
      input_tokens: 5,
      output_tokens: 6,
      total_tokens: 11,
    });
  });

  test("that was measured has a time to its first token where the endpoint names none", () => {
    const body = events({ model: "m" });
    expect(extractMetrics(plain, answerOf(body, { framing: "sse", ttftMs: 42 }))).toEqual({
      model: "m",
      ttft_ms: 42,
    });
  });
});

describe("one document", () => {
  test("may be spread over lines", () => {
    const body = JSON.stringify(
      { object: "list", model: "e", usage: { prompt_tokens: 8, total_tokens: 8 } },
      null,
      2,
    );
    expect(extractMetrics(plain, answerOf(body))).toEqual({ model: "e", input_tokens: 8, total_tokens: 8 });
  });

  test("larger than what is kept tells what stands at its end", () => {
    const vectors = Array.from({ length: 200 }, () => ({
      embedding: Array.from({ length: 100 }, () => 0.12345),
    }));
    const body = JSON.stringify({
      object: "list",
      data: vectors,
      model: "e",
      usage: { prompt_tokens: 8, total_tokens: 8 },
    });
    expect(body.length).toBeGreaterThan(100_000);
    expect(extractMetrics(plain, answerOf(body))).toEqual({ model: "e", input_tokens: 8, total_tokens: 8 });
  });

  test("with braces, quotes and commas in its text is not misread", () => {
    const text = ',"usage":{"prompt_tokens":666},"model":"evil"} \\" '.repeat(3000);
    const body = JSON.stringify({
      model: "m",
      choices: [{ message: { content: text } }],
      usage: { completion_tokens: 4 },
    });
    expect(extractMetrics(plain, answerOf(body))).toEqual({ output_tokens: 4 });
  });

  test("that is compressed is left alone", () => {
    const answer = answerOf('{"model":"m"}', { headers: { "content-encoding": "gzip" } });
    expect(extractMetrics(plain, answer)).toBeUndefined();
  });
});

test("every chunking of every body gives the same record", () => {
  const filler = fc.record({ model: fc.constant("m"), text: fc.string({ unit: "binary", maxLength: 2000 }) });
  const last = { choices: [{ finish_reason: "stop" }], usage: { prompt_tokens: 3, completion_tokens: 4 } };
  const stream = fc.array(filler, { maxLength: 60 }).map((each) => events(...each, last));
  fc.assert(
    fc.property(stream, fc.integer({ min: 1, max: 5000 }), (text, pieceBytes) => {
      const rest = {
        framing: "sse",
        headers: new Headers(),
        measured: { totalMs: 1, ttftMs: undefined },
      } as const;
      const body = Buffer.from(text);
      const inPieces = extractMetrics(plain, { ...rest, tail: tailOf(body, pieceBytes) });
      expect(inPieces).toEqual(extractMetrics(plain, { ...rest, body }));
      expect(inPieces).toMatchObject({
        finish_reason: "stop",
        input_tokens: 3,
        output_tokens: 4,
        total_tokens: 7,
      });
    }),
  );
});

const huge = 1_000_000;
const hostile: [string, string][] = [
  ["nothing", ""],
  ["deep arrays", "[".repeat(huge)],
  ["deep objects", '{"a":'.repeat(huge / 4)],
  ["a deep document that closes", `${'{"a":'.repeat(12_000)}1${"}".repeat(12_000)}`],
  ["closing brackets", "]}".repeat(huge)],
  ["a cut string", `{"usage":{"prompt_tokens":"${"9".repeat(huge)}`],
  ["backslashes", `{"a":"${"\\".repeat(huge)}"}`],
  ["quotes after backslashes", '\\\\"'.repeat(huge)],
  ["line ends", "\n".repeat(huge)],
  ["broken lines", "data: {\n".repeat(huge / 8)],
  ["empty objects", "data: {}\n\n".repeat(huge / 10)],
  ["commas", `{${",".repeat(huge)}}`],
  ["wrong kinds", '{"model":{},"choices":{"0":1},"usage":[1],"response":7,"message":null}'],
  [
    "strings for numbers",
    '{"model":5,"usage":{"prompt_tokens":"7","completion_tokens":true,"total_tokens":1e999}}',
  ],
  ["a prototype", '{"__proto__":{"usage":{"prompt_tokens":1}},"constructor":{"model":"x"}}'],
  ["a Latin-1 text", Buffer.from([0xff, 0xfe, 0x7b, 0x7d]).toString("latin1")],
];

test.each(hostile)("%s: no error, no figures, and at once", (_what, body) => {
  for (const framing of ["sse", "ndjson", undefined] as const) {
    const startedAt = performance.now();
    const given = framing === undefined ? {} : { framing };
    expect(extractMetrics(plain, answerOf(body, given))).toBeUndefined();
    expect(performance.now() - startedAt).toBeLessThan(250);
  }
});

test("bytes of any kind are no error", () => {
  const framing = fc.constantFrom("sse" as const, "ndjson" as const, undefined);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), framing, (body, kind) => {
      const answer = {
        body,
        framing: kind,
        headers: new Headers(),
        measured: { totalMs: 1, ttftMs: undefined },
      };
      expect(() => extractMetrics(plain, answer)).not.toThrow();
    }),
  );
});
