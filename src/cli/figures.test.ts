import { expect, test } from "bun:test";
import { formatAmount, formatCount, formatMs, formatRate, formatSeconds } from "./figures.ts";

test.each([
  [0, "0"],
  [9_999, "9999"],
  [10_000, "10.0k"],
  [12_345, "12.3k"],
  [99_960, "100k"],
  [999_499, "999k"],
  [999_500, "1.0M"],
  [1_234_567, "1.2M"],
  [5e12, "a lot"],
])("%d is shown as %s, in at most five characters", (count, text) => {
  expect(formatCount(count)).toBe(text);
});

test.each([
  [0, "0ms"],
  [412.5, "413ms"],
  [999.6, "1.0s"],
  [4_210, "4.2s"],
  [99_940, "99.9s"],
  [125_000, "2m5s"],
  [3_599_999, "1h"],
  [12_000_000, "3h20m"],
])("%d ms are shown as %s", (milliseconds, text) => {
  expect(formatMs(milliseconds)).toBe(text);
});

test("rates are short, and nothing is no rate", () => {
  expect([0, 0.01, 0.44, 9.96, 85.2, 15_000].map(formatRate)).toEqual([
    "0",
    "<0.1",
    "0.4",
    "10.0",
    "85",
    "15.0k",
  ]);
});

test("ages are whole seconds", () => {
  expect([0, 3_400, 185_000].map(formatSeconds)).toEqual(["0s", "3s", "3m5s"]);
});

test("one is one", () => {
  expect([0, 1, 2].map((count) => formatAmount(count, "model"))).toEqual(["0 models", "1 model", "2 models"]);
});
