import { expect, test } from "bun:test";
import { formatContext, formatMs, formatNumber, formatSpan, inWords } from "./text.ts";

test("numbers are as exact as they are small", () => {
  expect([0, 0.25, 12, 99.96, 123.4, 12_345].map(formatNumber)).toEqual([
    "0",
    "0.3",
    "12",
    "100.0",
    "123",
    "12.3K",
  ]);
  expect([undefined, 0.4, 250.4, 1_500, 12_340, 65_000].map(formatMs)).toEqual([
    "–",
    "0.4 ms",
    "250 ms",
    "1.50 s",
    "12.3 s",
    "1 min 5 s",
  ]);
});

test("spans name two units at most", () => {
  expect([0, 59_999, 60_000, 3_725_000, 3 * 86_400_000 + 7_200_000].map(formatSpan)).toEqual([
    "0 s",
    "59 s",
    "1 min",
    "1 h 2 min",
    "3 d 2 h",
  ]);
});

test("context lengths are in thousands where they are whole", () => {
  expect([8_192, 131_072, 100_000, 512].map(formatContext)).toEqual(["8k", "128k", "100K", "512"]);
  expect(inWords("connect_refused")).toBe("connect refused");
});
