import { expect, test } from "bun:test";
import { sliceTime } from "./time-slices.ts";

test("the parts of a request's time add up to the whole", () => {
  const slices = sliceTime({
    body_ms: 1,
    inspected_ms: 2,
    routed_ms: 3,
    queue_ms: 100,
    head_ms: 250,
    ttft_ms: 300,
    duration_ms: 1_000,
  });
  expect(slices.map(({ name, ms }) => [name, ms])).toEqual([
    ["body", 1],
    ["routing", 2],
    ["queue", 100],
    ["endpoint", 147],
    ["first", 50],
    ["stream", 700],
  ]);
});

test("what is not known takes no part, and nothing runs backwards", () => {
  expect(sliceTime({ queue_ms: 0, duration_ms: 5 })).toEqual([{ name: "stream", title: "all of it", ms: 5 }]);
  const slices = sliceTime({ body_ms: 4, routed_ms: 2, queue_ms: 0, head_ms: 9, duration_ms: 8 });
  expect(slices.reduce((sum, { ms }) => sum + ms, 0)).toBe(8);
});
