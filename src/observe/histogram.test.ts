import { describe, expect, test } from "bun:test";
import { createLayout, Histogram } from "./histogram.ts";
import {
  durationLayout,
  eventLoopLayout,
  firstTokenLayout,
  overheadLayout,
  queueLayout,
  tokenLayout,
} from "./histogram-layouts.ts";

const layouts = {
  durationLayout,
  eventLoopLayout,
  firstTokenLayout,
  overheadLayout,
  queueLayout,
  tokenLayout,
};

/** The same numbers at every run. */
function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

function exactQuantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}

describe("a layout", () => {
  test.each(Object.entries(layouts))(
    "%s is small, ascending, and ends at what is published",
    (_name, layout) => {
      const { bounds, published, publishedAt } = layout;
      expect(bounds.byteLength).toBeLessThan(1_000);
      expect([...bounds]).toEqual([...new Set(bounds)].sort((left, right) => left - right));
      expect(publishedAt.map((at) => bounds[at])).toEqual(published.map((seconds) => seconds * 1000));
      expect(bounds.at(-1)).toBe((published.at(-1) ?? 0) * 1000);
    },
  );

  test("is never coarser than a third", () => {
    const { bounds } = durationLayout;
    for (let index = 1; index < bounds.length; index++) {
      expect((bounds[index] ?? 0) / (bounds[index - 1] ?? 1)).toBeLessThan(1.34);
    }
  });
});

describe("percentiles", () => {
  const random = createRandom(7);
  const normal = () => Math.sqrt(-2 * Math.log(random() || 0.5)) * Math.cos(2 * Math.PI * random());
  const shapes: Readonly<Record<string, () => number>> = {
    uniform: () => 5 + random() * 2_000,
    "log-normal, as latencies are": () => Math.exp(6 + normal()),
    "two humps": () => (random() < 0.8 ? 50 + random() * 20 : 4_000 + random() * 500),
  };

  test.each(Object.entries(shapes))("of %s values are within 9 % of the exact ones", (_name, draw) => {
    const histogram = new Histogram(durationLayout);
    const values = Array.from({ length: 20_000 }, draw);
    for (const value of values) histogram.observe(value);
    values.sort((left, right) => left - right);
    for (const share of [0.1, 0.5, 0.9, 0.95, 0.99]) {
      const exact = exactQuantile(values, share);
      expect(Math.abs((histogram.quantile(share) ?? 0) - exact) / exact).toBeLessThan(0.09);
    }
    expect(histogram.sum).toBeCloseTo(
      values.reduce((sum, value) => sum + value, 0),
      3,
    );
  });

  test("of equal values are that value, however wide its bucket", () => {
    const histogram = new Histogram(durationLayout);
    for (let index = 0; index < 10; index++) histogram.observe(137);
    for (const share of [0, 0.5, 0.99, 1]) expect(histogram.quantile(share)).toBe(137);
  });

  test("without a value there is none", () => {
    const histogram = new Histogram(durationLayout);
    expect(histogram.quantile(0.5)).toBeUndefined();
    histogram.observe(Number.NaN);
    histogram.observe(Number.POSITIVE_INFINITY);
    expect(histogram.count).toBe(0);
  });

  test("past the last bound end at the largest value seen", () => {
    const histogram = new Histogram(createLayout(1, [0.01]));
    histogram.observe(50);
    histogram.observe(90_000);
    expect(histogram.quantile(1)).toBe(90_000);
    expect(histogram.cumulative()).toEqual([0]);
  });
});

describe("what Prometheus reads", () => {
  test("is exact at every published bound, which belongs to what is below it", () => {
    const random = createRandom(3);
    const histogram = new Histogram(firstTokenLayout);
    const values = [...Array.from({ length: 5_000 }, () => random() ** 4 * 400_000), 10, 250, 7_500, 0, -3];
    for (const value of values) histogram.observe(value);
    const exact = firstTokenLayout.published.map(
      (seconds) => values.filter((value) => value <= seconds * 1000).length,
    );
    expect(histogram.cumulative()).toEqual(exact);
    expect(histogram.count).toBe(values.length);
  });
});
