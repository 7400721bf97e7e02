import { expect, test } from "bun:test";
import { seededRandom } from "../../test/support/seeded-random.ts";
import type { Endpoint } from "../endpoints/endpoint.ts";
import type { Balancer, Candidate, Candidates, TrafficShare } from "./balancer.ts";
import { createShareBalancer, lowestRanked } from "./traffic-share.ts";

function candidate(name: string, more: Partial<Candidate> = {}): Candidate {
  // Only the name of an endpoint is looked at here.
  return { endpoint: { name } as Endpoint, status: "healthy", model: "m", ...more };
}

const takesLast: Balancer = { name: "priority", select: (candidates) => candidates.at(-1) ?? candidates[0] };

test("each share gets what its weight says, however many endpoints have it", () => {
  const [large, small]: TrafficShare[] = [{ weight: 3 }, { weight: 1 }];
  if (large === undefined || small === undefined) throw new Error("two shares");
  const candidates: Candidates = [
    candidate("a", { model: "large", share: large }),
    candidate("a", { model: "small", share: small }),
    candidate("b", { model: "small", share: small }),
    candidate("c", { model: "small", share: small }),
  ];
  const balancer = createShareBalancer(takesLast, seededRandom(7));
  const counts = new Map<string, number>();
  for (let index = 0; index < 2000; index += 1) {
    const { model = "", endpoint } = balancer.select(candidates);
    counts.set(`${model}@${endpoint.name}`, (counts.get(`${model}@${endpoint.name}`) ?? 0) + 1);
  }
  expect([...counts.keys()].sort()).toEqual(["large@a", "small@c"]);
  expect(Math.abs((counts.get("large@a") ?? 0) / 2000 - 0.75)).toBeLessThan(0.03);
});

test("a share that is not there leaves its part to the others", () => {
  const only = candidate("a", { share: { weight: 0.01 } });
  expect(createShareBalancer(takesLast, () => 0.999).select([only])).toBe(only);
});

test("without shares nothing is drawn", () => {
  const balancer = createShareBalancer(takesLast, () => {
    throw new Error("drawn");
  });
  const last = candidate("b");
  expect(balancer.select([candidate("a"), last])).toBe(last);
});

test("the lowest rank is what is there, and one without a rank comes first", () => {
  const [first, second, third] = [candidate("a"), candidate("b", { rank: 1 }), candidate("c", { rank: 2 })];
  expect(lowestRanked([second, first, third])).toEqual([first]);
  expect(lowestRanked([third, second])).toEqual([second]);
  const level: Candidates = [first, candidate("d", { rank: 0 })];
  expect(lowestRanked(level)).toBe(level);
});
