// When a Messages client hears of something, and what it hears when the endpoint's stream breaks.
import { describe, expect, test } from "bun:test";
import { OllaError } from "../../src/errors.ts";
import type { AnswerStream } from "../../src/translate/client-api.ts";
import { toBytes, toText } from "../support/bytes.ts";
import { checkGrammar, parseEvents, tellEvents } from "./support/anthropic-events.ts";
import {
  readStreamFixture,
  streamEvents,
  streamedRequest,
  targetOf,
  translateMessages,
} from "./support/translate-stream.ts";

function open(): AnswerStream {
  return translateMessages(streamedRequest).openStream(targetOf("vllm"));
}

function chunk(delta: object): Uint8Array {
  return toBytes(`data: ${JSON.stringify({ model: "m", choices: [{ index: 0, delta }] })}\n\n`);
}

function call(index: number, args: string, begin: object = {}): Uint8Array {
  return chunk({ tool_calls: [{ index, ...begin, function: { ...begin, arguments: args } }] });
}

const told = (bytes: Uint8Array | undefined): string[] =>
  bytes === undefined ? [] : tellEvents(parseEvents(toText(bytes)));

describe("a piece of an answer", () => {
  test("is told in the moment in which it comes", () => {
    const stream = open();
    expect(stream.push(chunk({ role: "assistant", content: "" }))).toBeUndefined();
    expect(told(stream.push(chunk({ content: "Hel" }))).slice(1)).toEqual(["0 text", "0 + Hel"]);
    expect(told(stream.push(chunk({ content: "lo" })))).toEqual(["0 + lo"]);
    expect(told(stream.push(call(0, "", { id: "c1", name: "run" })))).toEqual(["0 .", "1 run c1"]);
    expect(told(stream.push(call(0, '{"a":')))).toEqual(['1 + {"a":']);
    expect(told(stream.push(call(0, "1}")))).toEqual(["1 + 1}"]);
  });

  test("of another call waits until the call that is being told is whole, and no longer", () => {
    const stream = open();
    stream.push(call(0, '{"a":', { id: "c1", name: "run" }));
    expect(stream.push(call(1, '{"b":', { id: "c2", name: "walk" }))).toBeUndefined();
    expect(stream.push(call(1, "2}"))).toBeUndefined();
    expect(stream.push(chunk({ content: "Also" }))).toBeUndefined();
    expect(told(stream.push(call(0, "1}")))).toEqual([
      "0 + 1}",
      "0 .",
      "1 walk c2",
      '1 + {"b":2}',
      "1 .",
      "2 text",
      "2 + Also",
    ]);
  });
});

describe("an endpoint that goes away", () => {
  const cut = new OllaError("truncated", "The endpoint's answer was cut");

  test("is an error at the end of what was said, and nothing after it", () => {
    const stream = open();
    const said = toText(stream.push(chunk({ content: "Half" })) ?? new Uint8Array());
    const events = parseEvents(said + toText(stream.fail(cut)));
    checkGrammar(events);
    expect(tellEvents(events).slice(1)).toEqual([
      "0 text",
      "0 + Half",
      "error api_error The endpoint's answer was cut",
    ]);
    expect(stream.end()).toBeUndefined();
    expect(stream.push(chunk({ content: "more" }))).toBeUndefined();
  });

  test("before its first word is an error alone", () => {
    expect(told(open().fail(cut))).toEqual(["error api_error The endpoint's answer was cut"]);
  });

  test("too late to matter changes nothing", async () => {
    const stream = open();
    stream.push(await readStreamFixture("vllm-handmade tools"));
    expect(stream.fail(cut)).toHaveLength(0);
  });
});

test.each([
  ["500", { code: 500 }, "api_error"],
  ["529", { code: 529 }, "overloaded_error"],
  ["429 as a text", { code: "429" }, "rate_limit_error"],
  ["nothing", {}, "api_error"],
  ["a word", { code: "server_overloaded" }, "api_error"],
])("an error in the stream that names %s", (_, members, type) => {
  const events = streamEvents([
    toBytes(`data: ${JSON.stringify({ error: { message: "words", ...members } })}\n\n`),
  ]);
  expect(tellEvents(events)).toEqual([`error ${type} words`]);
});

test("an event that never ends is an error, and does not fill the memory", () => {
  const stream = open();
  const piece = toBytes("x".repeat(1024 * 1024));
  const events = [toBytes("data: "), ...Array.from({ length: 18 }, () => piece)].flatMap((bytes) =>
    told(stream.push(bytes)),
  );
  expect(events).toEqual(["error api_error The endpoint sent an event that is too long"]);
});

test("an event of many lines that never ends is one, too", () => {
  const stream = open();
  const piece = toBytes(`data: ${"x".repeat(1024 * 1024)}\n`);
  const events = Array.from({ length: 18 }, () => piece).flatMap((bytes) => told(stream.push(bytes)));
  expect(events).toEqual(["error api_error The endpoint sent an event that is too long"]);
});
