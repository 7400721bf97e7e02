import { describe, expect, test } from "bun:test";
import { joinRates, rollingMean, rollingRatio, sumOfLast } from "./series.ts";
import type { RateColumns } from "./wire.ts";

function columns(first: number, requests: readonly number[]): RateColumns {
  const zeros = requests.map(() => 0);
  return {
    first,
    from: 1_000_000 + first * 1000,
    requests,
    errors: zeros,
    input_tokens: zeros,
    output_tokens: zeros,
    ttft_sum_ms: zeros,
    ttft_count: zeros,
    in_flight: zeros,
  };
}

describe("joining rates", () => {
  test("a second that is told again replaces what was known of it", () => {
    const joined = joinRates(columns(10, [1, 2]), columns(11, [5, 6]));
    expect(joined.first).toBe(10);
    expect(joined.requests).toEqual([1, 5, 6]);
    expect(joined.from).toBe(1_010_000);
  });

  test("seconds between were quiet", () => {
    expect(joinRates(columns(10, [1]), columns(13, [2])).requests).toEqual([1, 0, 0, 2]);
  });

  test("five minutes are kept", () => {
    const joined = joinRates(columns(0, new Array(300).fill(1)), columns(300, [2]));
    expect(joined.requests).toHaveLength(300);
    expect(joined.first).toBe(1);
    expect(joined.requests.at(-1)).toBe(2);
  });

  test("an Olla that started anew begins a new history", () => {
    expect(joinRates(columns(500, [1, 1]), columns(3, [7])).requests).toEqual([7]);
  });
});

test("means roll over the seconds before", () => {
  expect(rollingMean([3, 0, 0, 6], 3)).toEqual([3, 1.5, 1, 2]);
  expect(rollingRatio([100, 0, 0, 0], [1, 0, 0, 0], 2)).toEqual([100, 100, null, null]);
  expect(sumOfLast([1, 2, 3], 2)).toBe(5);
});
