import { expect, test } from "bun:test";
import type { Balancer, Candidate, Candidates } from "../../src/balancer/balancer.ts";
import { ConnectionCounts } from "../../src/balancer/connections.ts";
import type { EndpointStatus } from "../../src/endpoints/endpoint-status.ts";
import { sampleEndpoint } from "../endpoints/endpoint-samples.ts";

export interface CandidateTraits {
  readonly priority?: number;
  readonly weight?: number;
  readonly status?: EndpointStatus;
  readonly maxConcurrentRequests?: number;
}

export function sampleCandidate(name: string, traits: CandidateTraits = {}): Candidate {
  const { profile } = sampleEndpoint();
  const endpoint = sampleEndpoint({
    name,
    profile: { ...profile, maxConcurrentRequests: traits.maxConcurrentRequests ?? 0 },
    priority: traits.priority ?? 100,
    weight: traits.weight ?? 1,
  });
  return { endpoint, status: traits.status ?? "healthy", model: undefined };
}

/** More than a balancer looks through each time. */
function manyCandidates(traitsOf: (index: number) => CandidateTraits): Candidates {
  const [first, ...others] = Array.from({ length: 40 }, (_, index) =>
    sampleCandidate(`many-${index}`, traitsOf(index)),
  );
  if (first === undefined) throw new Error("there are forty");
  return [first, ...others];
}

/** How often each name was chosen in `picks` calls, without any request under way. */
export function countPicks(
  balancer: Balancer,
  candidates: Candidates,
  picks: number,
): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (let pick = 0; pick < picks; pick++) {
    const { name } = balancer.select(candidates).endpoint;
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}

/** Within 2 % of 10,000 picks. */
export function expectShare(counts: Readonly<Record<string, number>>, name: string, expected: number): void {
  expect(Math.abs((counts[name] ?? 0) - expected)).toBeLessThanOrEqual(200);
}

/** What holds for every balancer. `create` makes a fresh one over the given counts, with repeatable draws. */
export function describeAnyBalancer(create: (connections: ConnectionCounts) => Balancer): void {
  const three: Candidates = [sampleCandidate("a"), sampleCandidate("b"), sampleCandidate("c")];

  test("a single candidate is always chosen", () => {
    const only = sampleCandidate("only", { status: "warming", weight: 0.001 });
    const balancer = create(new ConnectionCounts());
    for (let pick = 0; pick < 10; pick++) expect(balancer.select([only])).toBe(only);
  });

  test("what is chosen is one of those offered, the very same record", () => {
    const balancer = create(new ConnectionCounts());
    for (let pick = 0; pick < 30; pick++) expect(three).toContain(balancer.select(three));
  });

  test("equal endpoints share 10,000 picks within 2 % each", () => {
    const counts = countPicks(create(new ConnectionCounts()), three, 10_000);
    for (const name of ["a", "b", "c"]) expectShare(counts, name, 10_000 / 3);
  });

  test("the same history gives the same choices", () => {
    const [first, second] = [create(new ConnectionCounts()), create(new ConnectionCounts())];
    const names = (balancer: Balancer) =>
      Array.from({ length: 50 }, () => balancer.select(three).endpoint.name);
    expect(names(first)).toEqual(names(second));
  });

  test("after a failure the rest is chosen from, until nobody is left", () => {
    const balancer = create(new ConnectionCounts());
    const chosen: Candidate[] = [];
    for (let left = [...three]; left.length > 0; left = left.filter((each) => !chosen.includes(each))) {
      chosen.push(balancer.select(left as unknown as Candidates));
    }
    expect(new Set(chosen)).toEqual(new Set(three));
  });

  test("the offered list is left as it was", () => {
    const offered: Candidates = Object.freeze([...three]) as unknown as Candidates;
    create(new ConnectionCounts()).select(offered);
    expect(offered).toEqual(three);
  });

  test("of many equal ones each gets its share", () => {
    const many = manyCandidates(() => ({}));
    const counts = countPicks(create(new ConnectionCounts()), many, 200 * many.length);
    for (const { endpoint } of many) expect(counts[endpoint.name]).toBeWithin(120, 300);
  });

  test("a long list that is offered again is chosen from as if it had never been seen", () => {
    const traits = (index: number): CandidateTraits => ({
      weight: 1 + (index % 3),
      priority: index % 5 === 0 ? 50 : 100,
      status: index % 7 === 0 ? "busy" : "healthy",
      maxConcurrentRequests: index % 4,
    });
    const many = manyCandidates(traits);
    const connections = new ConnectionCounts();
    const [first, second] = [create(connections), create(connections)];
    const releases: (() => void)[] = [];
    for (let pick = 0; pick < 500; pick++) {
      const chosen = first.select(many);
      expect(second.select([...many])).toBe(chosen);
      // Now busier, now quieter.
      if (pick % 100 < 50) releases.push(connections.acquire(chosen.endpoint.name));
      else releases.shift()?.();
    }
  });

  test("an endpoint that went away and came back gets its share again", () => {
    const balancer = create(new ConnectionCounts());
    countPicks(balancer, three, 100);
    countPicks(balancer, [three[0], sampleCandidate("b")], 100);
    expectShare(countPicks(balancer, three, 10_000), "c", 10_000 / 3);
  });
}
