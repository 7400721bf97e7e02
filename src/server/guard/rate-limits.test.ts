import { expect, test } from "bun:test";
import { AddressBuckets, takeOne } from "./rate-limits.ts";
import { TokenBucket } from "./token-bucket.ts";

const wallTime = 1_000_000_000;

function limitOf(capacity: number, perMinute: number, subject = "it") {
  return { bucket: new TokenBucket({ capacity, perMinute }, 0), subject };
}

test("headers speak of the limit of which least is left", () => {
  const verdict = takeOne([limitOf(10, 60), limitOf(3, 30)], 0, wallTime);
  expect(verdict).toEqual({
    refusing: undefined,
    retryAfterSeconds: undefined,
    headers: [
      ["X-RateLimit-Limit", "30"],
      ["X-RateLimit-Remaining", "2"],
      ["X-RateLimit-Reset", "1000002"],
    ],
  });
});

test("who is refused by one limit uses up nothing of the others", () => {
  const empty = limitOf(1, 60, "empty");
  const other = limitOf(5, 60, "other");
  empty.bucket.charge(1, 0);
  const verdict = takeOne([other, empty], 0, wallTime);
  expect([verdict.refusing?.subject, verdict.retryAfterSeconds]).toEqual(["empty", 1]);
  expect(other.bucket.level(0)).toBe(5);
});

test("of several limits that refuse the one with the longest wait is named", () => {
  const soon = limitOf(1, 60, "soon");
  const late = limitOf(1, 2, "late");
  for (const { bucket } of [soon, late]) bucket.charge(1, 0);
  const verdict = takeOne([soon, late], 0, wallTime);
  expect([verdict.refusing?.subject, verdict.retryAfterSeconds]).toEqual(["late", 30]);
});

test("a burst of 0 refuses everything, with a time to wait nevertheless", () => {
  const verdict = takeOne([limitOf(0, 60)], 0, wallTime);
  expect(verdict.retryAfterSeconds).toBe(60);
});

test("no limits, no headers", () => {
  expect(takeOne([], 0, wallTime)).toEqual({
    refusing: undefined,
    retryAfterSeconds: undefined,
    headers: [],
  });
});

const settings = { capacity: 2, perMinute: 60, sweepMs: 60_000 };

test("addresses have a bucket each, those of one IPv6 customer one together", () => {
  const buckets = new AddressBuckets(settings);
  buckets.of("192.0.2.1", 0).charge(2, 0);
  buckets.of("2001:db8::1", 0).charge(2, 0);
  const hasOne = (address: string) => buckets.of(address, 0).hasOne(0);
  expect(["192.0.2.1", "192.0.2.2", "2001:db8::2", "2001:db8:0:1::1"].map(hasOne)).toEqual([
    false,
    true,
    false,
    true,
  ]);
});

test("10,000 new addresses a second are held in a bounded number of buckets", () => {
  const buckets = new AddressBuckets({ ...settings, maxAddresses: 1_000 });
  for (let count = 0; count < 100_000; count += 1) {
    const now = count / 10;
    buckets.of(`10.${(count >> 16) & 255}.${(count >> 8) & 255}.${count & 255}`, now).charge(1, now);
  }
  expect(buckets.size).toBe(1_000);
});

test("buckets that are full again are dropped now and then, others are not", () => {
  const buckets = new AddressBuckets(settings);
  buckets.of("192.0.2.1", 0).charge(1, 0);
  buckets.of("192.0.2.2", 0).charge(500, 0);
  buckets.of("192.0.2.3", 59_999);
  expect(buckets.size).toBe(3);
  buckets.of("192.0.2.4", 60_000);
  expect(buckets.size).toBe(2);
  expect(buckets.of("192.0.2.2", 60_000).level(60_000)).toBe(-438);
});

test("with an interval of 0 nothing is ever dropped for its age", () => {
  const buckets = new AddressBuckets({ ...settings, sweepMs: 0 });
  buckets.of("192.0.2.1", 0);
  buckets.of("192.0.2.2", 1e9);
  expect(buckets.size).toBe(2);
});
