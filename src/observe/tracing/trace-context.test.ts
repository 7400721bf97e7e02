import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { createSampler } from "./sampler.ts";
import { formatTraceparent, parseTraceparent, readTracestate } from "./trace-context.ts";
import { TraceIds } from "./trace-ids.ts";

const traceId = "0af7651916cd43dd8448eb211c80319c";
const spanId = "00f067aa0ba902b7";
const good = `00-${traceId}-${spanId}-01`;

const hex = (digits: number) =>
  fc
    .array(fc.integer({ min: 0, max: 15 }), { minLength: digits, maxLength: digits })
    .map((values) => values.map((value) => value.toString(16)).join(""))
    .filter((text) => /[^0]/.test(text));

describe("traceparent", () => {
  test("is read as it was written", () => {
    fc.assert(
      fc.property(hex(32), hex(16), fc.integer({ min: 0, max: 3 }), (trace, span, flags) => {
        const parent = { traceId: trace, spanId: span, flags };
        expect(parseTraceparent(formatTraceparent(parent))).toEqual(parent);
      }),
    );
  });

  test("whatever a client sends is either read and can be told on, or nothing", () => {
    const nearly = fc
      .tuple(fc.nat(good.length), fc.string({ maxLength: 3 }), fc.nat(3))
      .map(([at, text, cut]) => good.slice(0, at) + text + good.slice(at + cut));
    fc.assert(
      fc.property(fc.oneof(fc.string(), nearly), (header) => {
        const parent = parseTraceparent(header);
        if (parent === undefined) return;
        expect(parseTraceparent(formatTraceparent(parent))).toEqual(parent);
        expect(header).toContain(`${parent.traceId}-${parent.spanId}`);
      }),
      { numRuns: 2000 },
    );
  });

  test.each([
    ["none", null],
    ["an empty one", ""],
    ["one in capitals", good.toUpperCase()],
    ["the version that is forbidden", good.replace(/^00/, "ff")],
    ["a trace id of zeros", `00-${"0".repeat(32)}-${spanId}-01`],
    ["a span id of zeros", `00-${traceId}-${"0".repeat(16)}-01`],
    ["one that is too short", good.slice(0, -1)],
    ["more than this version has to say", `${good}-00`],
    ["a digit too many", `${good}0`],
    ["two of them, as joined by HTTP", `${good}, ${good}`],
    ["letters that are no digits", good.replace("0af7", "0xg7")],
    ["a later version that goes on without a dash", `${good.replace(/^00/, "01")}5`],
  ])("%s begins no trace", (_what, header) => {
    expect(parseTraceparent(header)).toBeUndefined();
  });

  test("a later version may have more to say", () => {
    const parent = { traceId, spanId, flags: 1 };
    expect(parseTraceparent(good.replace(/^00/, "cc"))).toEqual(parent);
    expect(parseTraceparent(`${good.replace(/^00/, "cc")}-what-the-future-will-be-like`)).toEqual(parent);
  });

  test("flags that nobody knows are not passed on", () => {
    expect(parseTraceparent(`00-${traceId}-${spanId}-ff`)?.flags).toBe(3);
    expect(parseTraceparent(`00-${traceId}-${spanId}-fc`)?.flags).toBe(0);
  });
});

describe("tracestate", () => {
  test.each([
    ["one member", "congo=t61rcWkgMzE", "congo=t61rcWkgMzE"],
    ["tabs, spaces and empty members", "a=1 ,\tb=2,,", "a=1,b=2"],
    ["a tenant", "fw529a3039@dt=FfD5", "fw529a3039@dt=FfD5"],
    ["a key that begins with a digit, and a tenant", "0a@b=1", "0a@b=1"],
    [
      "32 members",
      Array.from({ length: 32 }, (_, at) => `k${at}=v`).join(","),
      Array.from({ length: 32 }, (_, at) => `k${at}=v`).join(","),
    ],
  ])("%s is passed on", (_what, header, passedOn) => {
    expect(readTracestate(header)).toBe(passedOn);
  });

  test.each([
    ["none", null],
    ["nothing but commas", " , ,"],
    ["a key in capitals", "Congo=1"],
    ["a key without a value", "congo"],
    ["an empty value", "congo="],
    ["a value with an equals sign", "a=b=c"],
    ["a key twice", "a=1,a=2"],
    ["a key that begins with a digit", "0a=1"],
    ["letters beyond ASCII", "a=é"],
    ["33 members", Array.from({ length: 33 }, (_, at) => `k${at}=v`).join(",")],
    ["kilobytes", `a=${"x".repeat(250)},`.repeat(20)],
  ])("%s is not", (_what, header) => {
    expect(readTracestate(header)).toBeUndefined();
  });

  test("what is passed on is passed on unchanged by the next one", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom("a", "1", "=", ",", " ", "@", "A", "\t") }), (header) => {
        const passedOn = readTracestate(header);
        if (passedOn !== undefined) expect(readTracestate(passedOn)).toBe(passedOn);
      }),
      { numRuns: 2000 },
    );
  });
});

test("ids are random, in lower case, and never nothing", () => {
  const ids = new TraceIds();
  const traces = Array.from({ length: 2000 }, () => ids.traceId());
  const spans = Array.from({ length: 2000 }, () => ids.spanId());
  expect(traces.every((id) => /^[0-9a-f]{32}$/.test(id))).toBeTrue();
  expect(spans.every((id) => /^[0-9a-f]{16}$/.test(id))).toBeTrue();
  expect(new Set([...traces, ...spans]).size).toBe(4000);
});

describe("a sampler", () => {
  const ids = new TraceIds();
  const drawn = Array.from({ length: 10_000 }, () => ids.traceId());
  const shareOf = (ratio: number) => {
    const isSampled = createSampler({ ratio, isParentBased: true });
    return drawn.filter((id) => isSampled(id, undefined)).length / drawn.length;
  };

  test("takes its share of the traces that begin here", () => {
    expect(shareOf(0)).toBe(0);
    expect(shareOf(1)).toBe(1);
    // Ten standard deviations.
    expect(Math.abs(shareOf(0.25) - 0.25)).toBeLessThan(0.045);
  });

  test("takes with a larger share all that it takes with a smaller one", () => {
    const few = createSampler({ ratio: 0.1, isParentBased: true });
    const many = createSampler({ ratio: 0.5, isParentBased: true });
    expect(drawn.filter((id) => few(id, undefined) && !many(id, undefined))).toEqual([]);
  });

  test("decides as OpenTelemetry's rule does: by the last 56 bits, from the top", () => {
    const half = createSampler({ ratio: 0.5, isParentBased: true });
    expect(half(`${"f".repeat(18)}7${"f".repeat(13)}`, undefined)).toBeFalse();
    expect(half(`${"0".repeat(18)}8${"0".repeat(13)}`, undefined)).toBeTrue();
  });

  test("keeps to what a caller has decided, unless it is not to", () => {
    const sampled = { traceId, spanId, flags: 1 };
    const unsampled = { traceId, spanId, flags: 2 };
    const none = createSampler({ ratio: 0, isParentBased: true });
    const all = createSampler({ ratio: 1, isParentBased: true });
    expect([none(traceId, sampled), all(traceId, unsampled)]).toEqual([true, false]);
    const alone = createSampler({ ratio: 1, isParentBased: false });
    expect([
      alone(traceId, unsampled),
      createSampler({ ratio: 0, isParentBased: false })(traceId, sampled),
    ]).toEqual([true, false]);
  });
});
