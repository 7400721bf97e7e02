import { expect, test } from "bun:test";
import fc from "fast-check";
import { FineHistogram } from "./fine-histogram.ts";

test("a quantile is within 0.5 % of the exact one, or within a tenth of a microsecond", () => {
  const times = fc.array(fc.double({ min: 0, max: 60_000_000, noNaN: true }), {
    minLength: 1,
    maxLength: 200,
  });
  fc.assert(
    fc.property(times, fc.constantFrom(0.01, 0.5, 0.9, 0.99, 1), (values, share) => {
      const histogram = new FineHistogram();
      for (const value of values) histogram.record(value);
      const sorted = values.toSorted((left, right) => left - right);
      const exact = sorted[Math.max(1, Math.ceil(share * sorted.length)) - 1] ?? 0;
      expect(Math.abs(histogram.quantile(share) - exact)).toBeLessThanOrEqual(Math.max(0.1, exact * 0.005));
    }),
  );
});

test("every bucket follows the one before it", () => {
  let before = -1;
  for (let tenths = 1; tenths < 2 ** 38; tenths = Math.ceil(tenths * 1.001)) {
    const histogram = new FineHistogram();
    histogram.record(tenths / 10);
    const value = histogram.quantile(1);
    expect(value).toBeGreaterThanOrEqual(before);
    before = value;
  }
});

test("a time below zero counts as zero, and nothing at all has no quantile but zero", () => {
  const histogram = new FineHistogram();
  expect(histogram.quantile(0.99)).toBe(0);
  histogram.record(-5);
  expect(histogram.count).toBe(1);
  expect(histogram.quantile(0.99)).toBe(0);
});
