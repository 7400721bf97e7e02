// How the figures of a run are judged; the run itself is in speed.test.ts.
import { expect, test } from "bun:test";
import { describeJudgement, judge, judgeTwice, type Round, ratioLimits } from "../../bench/speed-guard.ts";

const limits = { small: 3, chunk: 2 };

/** One round in which the minimal proxy takes 10 µs for everything. */
function round(small: number, chunk: number): Round {
  return { olla: { small: small * 10, chunk: chunk * 10 }, minimal: { small: 10, chunk: 10 } };
}

const verdicts = (rounds: readonly Round[]): boolean[] =>
  judge(rounds, limits).map(({ isWithin }) => isWithin);

test("a ratio at the limit passes, one above it fails, and each kind of work is judged by itself", () => {
  expect(verdicts([round(3, 2)])).toEqual([true, true]);
  expect(verdicts([round(3.01, 1)])).toEqual([false, true]);
  expect(verdicts([round(1, 2.01)])).toEqual([true, false]);
});

test("an Olla that takes ten times as much as the limits allow does not pass", () => {
  const slow = round(ratioLimits.small * 10, ratioLimits.chunk * 10);
  expect(judge([slow]).map(({ isWithin }) => isWithin)).toEqual([false, false]);
});

test("the median of the rounds counts, so one bad round changes nothing", () => {
  const [small] = judge([round(2, 1), round(90, 1), round(2.2, 1), round(1.8, 1), round(2.1, 1)], limits);
  expect(small).toMatchObject({ ratio: 2.1, lowest: 1.8, highest: 90, isWithin: true });
});

test("a pair of one round is compared, not times of different moments", () => {
  const slowMoment: Round = { olla: { small: 200, chunk: 200 }, minimal: { small: 100, chunk: 100 } };
  expect(judge([round(2, 2), slowMoment, round(2, 2)], limits).map(({ ratio }) => ratio)).toEqual([2, 2]);
});

test("nothing measured is not a pass", () => {
  expect(() => judge([])).toThrow("nothing was measured");
  expect(() => judge([{ olla: { small: 0, chunk: 1 }, minimal: { small: 10, chunk: 10 } }])).toThrow("small");
  expect(() => judge([{ olla: { small: 1, chunk: 1 }, minimal: { small: 10, chunk: 0 } }])).toThrow("chunk");
});

test("a bad first look is repeated with more rounds, and the second one counts", async () => {
  const asked: number[] = [];
  const looks = [round(9, 1), round(2, 1)];
  const judgements = await judgeTwice(
    async (rounds) => {
      asked.push(rounds);
      return [looks[asked.length - 1] ?? round(0, 0)];
    },
    { first: 3, second: 5, limits },
  );
  expect(asked).toEqual([3, 5]);
  expect(judgements.map(({ isWithin }) => isWithin)).toEqual([true, true]);
});

test("a good first look is enough, and two bad ones fail", async () => {
  let looks = 0;
  const looking = (seen: Round) => async () => {
    looks += 1;
    return [seen];
  };
  await judgeTwice(looking(round(1, 1)), { first: 3, second: 5, limits });
  expect(looks).toBe(1);
  const judgements = await judgeTwice(looking(round(9, 1)), { first: 3, second: 5, limits });
  expect(looks).toBe(3);
  expect(judgements.map(({ isWithin }) => isWithin)).toEqual([false, true]);
});

test("a judgement is told with its ratio, its range and its limit", () => {
  const [small] = judge([round(2, 1), round(2.5, 1), round(2.25, 1)], limits);
  expect(small && describeJudgement(small)).toBe(
    "CPU per small request: 2.25 times that of a minimal proxy (2.00 to 2.50); limit 3.00",
  );
});
