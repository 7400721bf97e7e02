import { expect, test } from "bun:test";
import fc from "fast-check";
import { TokenBucket } from "./token-bucket.ts";

test("a new bucket is full, and refills at its rate", () => {
  const bucket = new TokenBucket({ capacity: 2, perMinute: 60 }, 0);
  bucket.charge(2, 0);
  expect([bucket.hasOne(0), bucket.level(0), bucket.waitMs(0), bucket.fullInMs(0)]).toEqual([
    false,
    0,
    1_000,
    2_000,
  ]);
  expect([bucket.hasOne(999), bucket.hasOne(1_000)]).toEqual([false, true]);
  expect(bucket.level(1_000_000)).toBe(2);
});

test("a bucket that was charged below zero refuses until it has recovered", () => {
  const bucket = new TokenBucket({ capacity: 100, perMinute: 100 }, 0);
  bucket.charge(250, 0);
  expect([bucket.level(0), bucket.hasOne(89_999), bucket.waitMs(0)]).toEqual([-150, false, 90_600]);
  expect(bucket.hasOne(90_600)).toBe(true);
});

test("a bucket without room never has one", () => {
  const bucket = new TokenBucket({ capacity: 0, perMinute: 60 }, 0);
  expect([bucket.hasOne(1e9), bucket.waitMs(1e9)]).toEqual([false, Number.POSITIVE_INFINITY]);
});

test("a clock that stands still or goes back gives nothing", () => {
  const bucket = new TokenBucket({ capacity: 1, perMinute: 60 }, 5_000);
  bucket.charge(1, 5_000);
  expect([bucket.hasOne(5_000), bucket.hasOne(0), bucket.hasOne(5_999), bucket.hasOne(6_000)]).toEqual([
    false,
    false,
    false,
    true,
  ]);
});

const settings = {
  capacity: fc.integer({ min: 1, max: 200 }),
  perMinute: fc.integer({ min: 1, max: 100_000 }),
};

test("over any stretch of time never more is taken than the burst and what flowed in, and never less than there was", () => {
  const steps = fc.array(fc.record({ waitMs: fc.nat(3_000), asked: fc.integer({ min: 1, max: 80 }) }), {
    minLength: 1,
    maxLength: 60,
  });
  fc.assert(
    fc.property(fc.record(settings), steps, ({ capacity, perMinute }, plan) => {
      const bucket = new TokenBucket({ capacity, perMinute }, 0);
      const taken: number[] = [];
      let now = 0;
      // In 1/60 000 of a token, so that the model is exact.
      let held = capacity * 60_000;
      for (const { waitMs, asked } of plan) {
        now += waitMs;
        held = Math.min(capacity * 60_000, held + waitMs * perMinute);
        for (let count = 0; count < asked; count += 1) {
          expect(bucket.hasOne(now)).toBe(held >= 60_000);
          if (!bucket.hasOne(now)) break;
          bucket.charge(1, now);
          held -= 60_000;
          taken.push(now);
        }
      }
      for (let first = 0; first < taken.length; first += 7) {
        const stretchMs = (taken.at(-1) ?? 0) - (taken[first] ?? 0);
        expect((taken.length - first) * 60_000).toBeLessThanOrEqual(
          capacity * 60_000 + stretchMs * perMinute,
        );
      }
    }),
  );
});

test("who waits as long as it is told is let in, and not a millisecond earlier", () => {
  fc.assert(
    fc.property(fc.record(settings), fc.nat(500), ({ capacity, perMinute }, extra) => {
      const bucket = new TokenBucket({ capacity, perMinute }, 0);
      bucket.charge(capacity + extra, 0);
      const waitMs = bucket.waitMs(0);
      expect(bucket.hasOne(Math.ceil(waitMs))).toBe(true);
      expect(bucket.hasOne(Math.ceil(waitMs) - 1)).toBe(false);
    }),
  );
});
