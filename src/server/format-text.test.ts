import { expect, test } from "bun:test";
import { displayBytes } from "../models/listings/display-text.ts";
import {
  formatAgo,
  formatLatency,
  formatPercent,
  formatSpan,
  formatUntil,
  formatUptime,
} from "./format-text.ts";

const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

test.each([
  [0, "0 B"],
  [1_023, "1023 B"],
  [1_024, "1.00 KB"],
  [1_288_490_189, "1.20 GB"],
  [1024 ** 5, "1.00 PB"],
  [1024 ** 6, "1024.00 PB"],
])("%d bytes are written %s", (bytes, text) => expect(displayBytes(bytes)).toBe(text));

test.each([
  [0, "0%"],
  [100, "100%"],
  [98.5, "98.5%"],
  [66.666, "66.7%"],
])("%d percent is written %s", (percent, text) => expect(formatPercent(percent)).toBe(text));

test.each([
  [0, "0ms"],
  [0.4, "0ms"],
  [999, "999ms"],
  [999.6, "1.0s"],
  [1_500, "1.5s"],
])("a latency of %d ms is written %s", (ms, text) => expect(formatLatency(ms)).toBe(text));

test.each([
  [0, "0s"],
  [59 * second + 999, "59s"],
  [59 * minute + 40 * second, "59m"],
  [hour, "1h"],
  [day - 1, "23h"],
  [3 * day, "3d"],
  [-5_000, "0s"],
])("a span of %d ms is written %s, rounded down", (ms, text) => expect(formatSpan(ms)).toBe(text));

test("a moment that never was, is past, or is to come", () => {
  const now = 1_000_000;
  expect(formatAgo(undefined, now)).toBe("never");
  expect(formatAgo(now - 3 * minute, now)).toBe("3m ago");
  expect(formatUntil(undefined, now)).toBe("unknown");
  expect(formatUntil(now - 1, now)).toBe("now");
  expect(formatUntil(now + 20 * second, now)).toBe("in 20s");
});

test.each([
  [59 * second, "59s"],
  [5 * minute, "0h 5m"],
  [hour + 5 * minute, "1h 5m"],
  [3 * day + 4 * hour + 59 * minute, "3d 4h"],
])("an uptime of %d ms is written %s", (ms, text) => expect(formatUptime(ms)).toBe(text));
