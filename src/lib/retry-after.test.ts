import { expect, test } from "bun:test";
import { parseRetryAfter } from "./retry-after.ts";

const wallTime = Date.UTC(2026, 10, 20, 12);

test.each([
  ["120", 120_000],
  [" 0 ", 0],
  ["Fri, 20 Nov 2026 12:00:45 GMT", 45_000],
  ["Friday, 20-Nov-26 12:01:00 GMT", 60_000],
  ["Fri Nov 20 12:02:00 2026", 120_000],
  ["Fri, 20 Nov 2026 11:00:00 GMT", -3_600_000],
  ["1.5", undefined],
  ["-5", undefined],
  ["2026-11-20T12:01:00Z", undefined],
  ["", undefined],
  [null, undefined],
] as const)("%p is %p ms", (header, expected) => {
  expect(parseRetryAfter(header, wallTime)).toBe(expected);
});
