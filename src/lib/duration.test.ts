import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { formatDuration, parseDuration } from "./duration.ts";

describe("parseDuration", () => {
  test.each([
    ["0", 0],
    ["0s", 0],
    ["-0", 0],
    ["500ms", 500],
    ["1.5s", 1500],
    [".5s", 500],
    ["1.s", 1000],
    ["1h30m", 5_400_000],
    ["1h1m1s1ms", 3_661_001],
    ["+30s", 30_000],
    ["-2m", -120_000],
    ["1us", 0.001],
    ["1µs", 0.001],
    ["1μs", 0.001],
    ["1ns", 0.000001],
    ["30s30s", 60_000],
  ])("%p is %p ms", (text, milliseconds) => {
    expect(parseDuration(text)).toBeCloseTo(milliseconds, 9);
  });

  test.each(["", "30", "s", "1d", "1 s", "1s ", "s1", "1m-1s", "1e3s", "1S", "--1s", "+", ".", ".s", "1h30"])(
    "%p is no duration",
    (text) => {
      expect(parseDuration(text)).toBeUndefined();
    },
  );
});

test("what formatDuration writes is read back as the same value", () => {
  fc.assert(
    fc.property(fc.integer({ min: -(10 ** 10), max: 10 ** 10 }), (milliseconds) => {
      expect(parseDuration(formatDuration(milliseconds))).toBeCloseTo(milliseconds, 3);
    }),
  );
});

test.each([
  [0, "0s"],
  [90, "90ms"],
  [1500, "1.5s"],
  [60_000, "1m"],
  [5_400_000, "1h30m"],
  [3_600_000, "1h"],
  [0.5, "500us"],
  [0.0005, "500ns"],
  [-2000, "-2s"],
])("%p ms is written as %p", (milliseconds, text) => {
  expect(formatDuration(milliseconds)).toBe(text);
});
