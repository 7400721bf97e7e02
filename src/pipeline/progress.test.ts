import { expect, test } from "bun:test";
import { sampleCandidate } from "../../test/conformance/balancer.cases.ts";
import { Progress } from "./progress.ts";

test("who was taken remains no longer, in whatever order and however often somebody looks", () => {
  const [a, b, c] = [sampleCandidate("a"), sampleCandidate("b"), sampleCandidate("c")];
  const candidates = [a, b, c];
  const progress = new Progress(candidates);
  expect(progress.remaining).toBe(candidates);
  progress.take(b);
  expect(progress.remainingCount).toBe(2);
  progress.take(a);
  expect(progress.remainingCount).toBe(1);
  expect(progress.remaining).toEqual([c]);
  expect([progress.remaining, progress.remainingCount]).toEqual([[c], 1]);
  progress.remaining = candidates;
  progress.take(c);
  expect(progress.remaining).toEqual([a, b]);
  expect(candidates).toEqual([a, b, c]);
});
