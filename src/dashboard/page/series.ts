import type { RateColumns } from "./wire.ts";

const names = [
  "requests",
  "errors",
  "input_tokens",
  "output_tokens",
  "ttft_sum_ms",
  "ttft_count",
  "in_flight",
] as const;
export type SeriesName = (typeof names)[number];

/** Five minutes, one value a second. */
const mostSeconds = 300;

/** Puts newer seconds behind older ones; seconds that nobody told of were quiet, as far as anybody knows. */
export function joinRates(known: RateColumns | undefined, newer: RateColumns): RateColumns {
  const count = newer.requests.length;
  const end = newer.first + count;
  // An Olla that has started anew counts anew.
  if (known === undefined || end < known.first + known.requests.length - 2) return newer;
  const first = Math.max(known.first, end - mostSeconds);
  const length = Math.max(0, end - first);
  const from = newer.from - (newer.first - first) * 1000;
  const join = (name: SeriesName) =>
    Array.from({ length }, (_, index) => {
      const second = first + index;
      return newer[name][second - newer.first] ?? known[name][second - known.first] ?? 0;
    });
  return {
    first,
    from,
    requests: join("requests"),
    errors: join("errors"),
    input_tokens: join("input_tokens"),
    output_tokens: join("output_tokens"),
    ttft_sum_ms: join("ttft_sum_ms"),
    ttft_count: join("ttft_count"),
    in_flight: join("in_flight"),
  };
}

/** For each second the mean of it and those before it, so that single requests show as hills and not as needles. */
export function rollingMean(values: readonly number[], seconds: number): number[] {
  let sum = 0;
  return values.map((value, index) => {
    sum += value - (values[index - seconds] ?? 0);
    return sum / Math.min(seconds, index + 1);
  });
}

/** For each second the mean of what there was in it and those before it; null where there was nothing. */
export function rollingRatio(
  sums: readonly number[],
  counts: readonly number[],
  seconds: number,
): (number | null)[] {
  let sum = 0;
  let count = 0;
  return sums.map((value, index) => {
    sum += value - (sums[index - seconds] ?? 0);
    count += (counts[index] ?? 0) - (counts[index - seconds] ?? 0);
    return count > 0 ? sum / count : null;
  });
}

export function sumOfLast(values: readonly number[], seconds: number): number {
  return values.slice(-seconds).reduce((sum, value) => sum + value, 0);
}
