import { expect, test } from "bun:test";
import { failures, goals, judge, type Results } from "./goals.ts";

const timesNginx = (judgement: ReturnType<typeof judge>[number]) => judgement.goal.beside?.peer === "nginx";

function judgeSmall(small: Results[string], peers: readonly string[] = []) {
  return judge({ small }, ["small"], peers).filter(({ goal }) => goal.scenario === "small");
}

test("a ratio is that of the medians", () => {
  const [cpu] = judgeSmall({ olla: { cpu: [10, 1_000, 30] }, nginx: { cpu: [20, 10, 20] } }).filter(
    timesNginx,
  );
  expect(cpu?.value).toBe(1.5);
  expect(cpu?.verdict).toBe("met");
  expect(cpu?.range).toEqual([0.5, 100]);
});

test("a ratio above its limit is not met, one at it is", () => {
  const verdictAt = (ours: number) =>
    judgeSmall({ olla: { cpu: [ours] }, nginx: { cpu: [10] } }).find(timesNginx)?.verdict;
  expect(verdictAt(16)).toBe("met");
  expect(verdictAt(16.1)).toBe("not met");
});

test("where more is better, the limit is the least", () => {
  const verdictAt = (ours: number) =>
    judgeSmall({ olla: { rate: [ours] }, haproxy: { rate: [1_000] } }).find(
      ({ goal }) => goal.beside?.peer === "haproxy",
    )?.verdict;
  expect(verdictAt(800)).toBe("met");
  expect(verdictAt(799)).toBe("not met");
  expect(verdictAt(5_000)).toBe("met");
});

test("what is added is what is left after the direct way, in the goal's unit", () => {
  const results = { "small-1": { olla: { p99: [450] }, direct: { p99: [160] } } };
  const added = judge(results, ["small-1"], []).find(({ goal }) => goal.scenario === "small-1");
  expect(added?.value).toBeCloseTo(0.29);
  expect(added?.verdict).toBe("met");
});

test("one lost stream in one round is one too many, whatever the median says", () => {
  const results = { "many-streams": { olla: { lost: [0, 0, 1, 0, 0], rss: [100], open: [5_000] } } };
  const ofMany = judge(results, ["many-streams"], []).filter(({ goal }) => goal.scenario === "many-streams");
  expect(ofMany.map(({ goal, verdict }) => [goal.figure, verdict])).toEqual([
    ["lost", "not met"],
    ["open", "met"],
    ["rss", "met"],
  ]);
});

test("what was not measured fails a check where it was asked for, and only there", () => {
  const missing = failures(judgeSmall({ olla: { cpu: [10], rate: [1] } }));
  expect(missing.map(({ goal }) => goal.beside?.peer)).toEqual(["nginx", "haproxy"]);
  const withGo = failures(judgeSmall({ olla: { cpu: [10], rate: [1] } }, ["olla-go"]));
  expect(withGo).toHaveLength(4);
  expect(failures(judge({}, [], []))).toEqual([]);
});

test("a peer that was not there, or a figure without a value, is never met", () => {
  for (const { verdict } of judge({ small: { olla: { cpu: [] }, nginx: { cpu: [0] } } }, [], []))
    expect(verdict).toBe("not measured");
});

test("no two goals ask the same", () => {
  const keys = goals.map(({ scenario, figure, of, beside }) =>
    [scenario, figure, of, beside?.peer].join(" "),
  );
  expect(new Set(keys).size).toBe(goals.length);
});
