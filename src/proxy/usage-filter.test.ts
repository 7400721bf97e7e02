import { expect, test } from "bun:test";
import fc from "fast-check";
import { createWriteShaper, type Delivery } from "./delivery.ts";
import { filterUsage, UsageFilter, withoutUsage } from "./usage-filter.ts";

const chunk = (content: string) => ({ choices: [{ index: 0, delta: { content } }] });
const usage = { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 };
const usageEvent = { id: "chatcmpl-1", choices: [], usage };

function dataLine(value: unknown, lineEnd = "\n"): string {
  return `data: ${JSON.stringify(value)}${lineEnd}${lineEnd}`;
}

function filterInPieces(pieces: readonly Uint8Array[]): string {
  const filter = new UsageFilter();
  return Buffer.concat([...pieces.map((piece) => filter.push(piece)), filter.end()]).toString();
}

function cutAt(text: string, cuts: readonly number[]): Uint8Array[] {
  const bytes = Buffer.from(text);
  const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  return places.slice(1).map((place, index) => bytes.subarray(places[index], place));
}

/** What servers put around and between their events. */
const otherEvent = fc.oneof(
  fc.string({ unit: "binary" }).map((text) => [`data: ${JSON.stringify(chunk(text))}`]),
  fc.string({ maxLength: 20 }).map((text) => [`: ${text.replaceAll(/[\r\n]/g, "")}`]),
  fc.constantFrom(
    [`data: ${JSON.stringify({ ...chunk("x"), usage: null })}`],
    [`data: ${JSON.stringify({ ...chunk("x"), usage })}`],
    [`data: ${JSON.stringify({ choices: [], usage: null })}`],
    [`data: ${JSON.stringify({ choices: [], prompt_filter_results: [] })}`],
    ['data: {"choices":[],"usage":{"prompt'],
    ['data: "usage"'],
    [`data: ${JSON.stringify(chunk("long ".repeat(5_000)))}`],
    ["event: ping", "data: {}"],
    [],
  ),
);
const lineEnds = fc.constantFrom("\n", "\r\n");

test("however a stream is cut, only the event with the token counts is missing", () => {
  fc.assert(
    fc.property(
      fc.array(otherEvent, { maxLength: 6 }),
      fc.array(otherEvent, { maxLength: 3 }),
      lineEnds,
      fc.array(fc.nat(), { maxLength: 12 }),
      (before, after, end, cuts) => {
        const write = (events: readonly (readonly string[])[]) =>
          events.map((lines) => [...lines, ""].map((line) => line + end).join("")).join("");
        const first = write(before);
        const last = `${write(after)}data: [DONE]${end}${end}`;
        const whole = first + dataLine(usageEvent, end) + last;
        expect(filterInPieces(cutAt(whole, cuts))).toBe(first + last);
      },
    ),
    { numRuns: 500 },
  );
});

test("at every single cut, and byte by byte", () => {
  for (const end of ["\n", "\r\n", "\r"]) {
    const first = dataLine(chunk("one"), end);
    const last = `: still here${end}${end}data: [DONE]${end}${end}`;
    const whole = first + dataLine(usageEvent, end) + last;
    for (let cut = 0; cut <= whole.length; cut += 1) {
      expect(filterInPieces(cutAt(whole, [cut]))).toBe(first + last);
    }
    expect(filterInPieces([...Buffer.from(whole)].map((byte) => Buffer.from([byte])))).toBe(first + last);
  }
});

test("an event is handed on as soon as it is complete, and in the chunk that it came in", () => {
  const filter = new UsageFilter();
  const whole = Buffer.from(dataLine(chunk("one")));
  const passed = filter.push(whole);
  expect(passed.buffer).toBe(whole.buffer);
  expect(passed).toEqual(whole);
});

test("of a long event nothing waits for its end but one byte", () => {
  const filter = new UsageFilter();
  const event = Buffer.from(dataLine(chunk("x".repeat(40_000))));
  expect(filter.push(event.subarray(0, 10_000))).toHaveLength(0);
  expect(filter.push(event.subarray(10_000, 30_000))).toHaveLength(29_999);
  expect(filter.push(event.subarray(30_000))).toHaveLength(event.length - 29_999);
  expect(filter.push(Buffer.from(dataLine(usageEvent)))).toHaveLength(0);
  expect(filter.end()).toHaveLength(0);
});

test("counts that end a stream without an empty line are taken out, half of them are not", () => {
  const event = dataLine(usageEvent).trimEnd();
  expect(filterInPieces([Buffer.from(event)])).toBe("");
  expect(filterInPieces([Buffer.from(event.slice(0, -3))])).toBe(event.slice(0, -3));
});

test("a body that is at hand as a whole", () => {
  const body = Buffer.from(`${dataLine(chunk("one"))}${dataLine(usageEvent)}data: [DONE]\n\n`);
  expect(Buffer.from(withoutUsage(body)).toString()).toBe(`${dataLine(chunk("one"))}data: [DONE]\n\n`);
});

test.each<Delivery>(["stream", "coalesce"])("%s: what is written is what was let through", (delivery) => {
  const first = dataLine(chunk("one"));
  const parts = [first, dataLine(usageEvent), "data: [DONE]\n\n: an unfinished comm"];
  const shaper = filterUsage(createWriteShaper(delivery, 16));
  const written: Uint8Array[] = [];
  const writeAll = () => {
    for (let piece = shaper.next(); piece !== undefined; piece = shaper.next())
      written.push(Buffer.from(piece));
  };
  for (const part of parts) {
    shaper.push(Buffer.from(part));
    writeAll();
  }
  shaper.end();
  writeAll();
  expect(Buffer.concat(written).toString()).toBe(first + parts[2]);
});
