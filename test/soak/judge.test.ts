// What a soak holds for wrong; the soak itself is bench/soak.ts.
import { expect, test } from "bun:test";
import {
  type Ending,
  endings,
  type Finished,
  growthOf,
  hasMoreTimers,
  leftovers,
  type Point,
  type Rest,
  robustSlope,
  shortestJudgedSeconds,
  violationOf,
  windowMedians,
} from "../../bench/soak/judge.ts";

const cutBy = new Map([
  ["steady", new Set<number>()],
  ["flapping", new Set([7])],
]);

function finished(ending: Ending, endpoint: string, nonce = 7): Finished {
  return { kind: "stream", nonce, ending, endpoint, detail: "" };
}

test("a stream may break in the client's sight when its endpoint broke it off", () => {
  expect(violationOf(finished("told", "flapping"), cutBy)).toBeUndefined();
  expect(violationOf(finished("cut", "flapping"), cutBy)).toBeUndefined();
});

test("a stream that broke is lost when its endpoint did not break it off", () => {
  expect(violationOf(finished("told", "flapping", 8), cutBy)).toContain("did not break off");
  expect(violationOf(finished("cut", "steady"), cutBy)).toContain("stream 7 at steady: cut");
  expect(violationOf({ ...finished("cut", "steady"), endpoint: undefined }, cutBy)).toContain("no endpoint");
});

test("nothing but a whole answer and a client that left is well at a steady endpoint", () => {
  const well = endings.filter((ending) => violationOf(finished(ending, "steady"), cutBy) === undefined);
  expect(well).toEqual(["complete", "left"]);
});

test("what is refused, unanswered, wrong or late has no excuse in an endpoint that fell", () => {
  const well = endings.filter((ending) => violationOf(finished(ending, "flapping"), cutBy) === undefined);
  expect(well).toEqual(["complete", "left", "told", "cut"]);
});

/** A sample every 5 s that grows by so much in ten minutes, and swings as a heap does between two collections. */
function swinging(minutes: number, perTenMinutes: number): Point[] {
  return Array.from({ length: minutes * 12 }, (_, index) => ({
    seconds: index * 5,
    value: 120 + (perTenMinutes * index * 5) / 600 + (index % 7) * 2,
  }));
}

test("growth is found under the swings of a heap, and a few wild samples do not change it", () => {
  for (const perTenMinutes of [-2, 0, 0.5, 3]) {
    const points = swinging(15, perTenMinutes);
    expect(Math.abs(growthOf(points).perTenMinutes - perTenMinutes)).toBeLessThan(0.4);
    const wild = points.map((point, index) => (index % 40 === 39 ? { ...point, value: 900 } : point));
    expect(Math.abs(growthOf(wild).perTenMinutes - perTenMinutes)).toBeLessThan(0.4);
  }
});

test("a short time is measured and not judged", () => {
  const short = growthOf(swinging(2, 30));
  expect(short.isJudged).toBe(false);
  expect(short.perTenMinutes).toBeGreaterThan(10);
  expect(growthOf(swinging(shortestJudgedSeconds / 60 + 1, 30)).isJudged).toBe(true);
  expect(growthOf([]).isJudged).toBe(false);
});

test("the robust line is the median of the slopes between pairs", () => {
  const line = [0, 1, 2, 3, 4].map((seconds) => ({ seconds, value: 5 + 2 * seconds }));
  expect(robustSlope(line)).toBe(2);
  expect(robustSlope([...line, { seconds: 5, value: -1_000 }])).toBe(2);
  expect(robustSlope([])).toBeNaN();
});

test("windows have one point each, the medians of what is in them", () => {
  const points = [3, 1, 2, 10, 12, 11].map((value, seconds) => ({ seconds, value }));
  expect(windowMedians(points, 2)).toEqual([
    { seconds: 1, value: 2 },
    { seconds: 4, value: 11 },
  ]);
  expect(windowMedians([{ seconds: 4, value: 1 }], 30)).toEqual([{ seconds: 4, value: 1 }]);
});

test("whatever there is more of than before the load is a leftover, by name", () => {
  const before: Rest = { sockets: 4, files: 18, requests: 0, attempts: 0, queued: 0, atEndpoints: 0 };
  expect(leftovers(before, before)).toEqual([]);
  expect(leftovers(before, { ...before, sockets: 2 })).toEqual([]);
  for (const name of Object.keys(before) as (keyof Rest)[]) {
    const [found, ...others] = leftovers(before, { ...before, [name]: before[name] + 1 });
    expect(found).toStartWith(`${name}: ${before[name] + 1} after`);
    expect(others).toEqual([]);
  }
});

test("twice as many wake-ups as before are timers that were left behind, a few more are not", () => {
  expect(hasMoreTimers(10, 18)).toBe(false);
  expect(hasMoreTimers(2, 7)).toBe(false);
  expect(hasMoreTimers(10, 21)).toBe(true);
  expect(hasMoreTimers(2, 100)).toBe(true);
});
