import { describe, expect, test } from "bun:test";
import { type Balancer, balancerNames, type Candidates } from "../../src/balancer/balancer.ts";
import { createBalancer } from "../../src/balancer/balancer-by-name.ts";
import { ConnectionCounts } from "../../src/balancer/connections.ts";
import { seededRandom } from "../support/seeded-random.ts";
import {
  sampleCandidate as candidate,
  countPicks,
  describeAnyBalancer,
  expectShare,
} from "./balancer.cases.ts";

for (const name of balancerNames) {
  describe(`any balancer: ${name}`, () => {
    describeAnyBalancer((connections) => createBalancer(name, { connections, random: seededRandom(7) }));
    test("it goes by its own name", () => {
      const context = { connections: new ConnectionCounts(), random: Math.random };
      expect(createBalancer(name, context).name).toBe(name);
    });
  });
}

function names(balancer: Balancer, candidates: Candidates, picks: number): string {
  return Array.from({ length: picks }, () => balancer.select(candidates).endpoint.name).join("");
}

describe("priority", () => {
  const create = (connections = new ConnectionCounts(), random = seededRandom(11)) =>
    createBalancer("priority", { connections, random });

  test("a lower tier gets nothing while a higher one has a candidate", () => {
    const tiers: Candidates = [
      candidate("low", { priority: 90 }),
      candidate("high", { priority: 100 }),
      candidate("zero", { priority: 0 }),
    ];
    expect(countPicks(create(), tiers, 1000)).toEqual({ high: 1000 });
  });

  test("a busy endpoint of a higher tier beats a healthy one below", () => {
    const tiers: Candidates = [candidate("low", { priority: 90 }), candidate("high", { status: "busy" })];
    expect(countPicks(create(), tiers, 1000)).toEqual({ high: 1000 });
  });

  test("healthy, busy and warming share a tier 71.4 to 21.4 to 7.1", () => {
    const tier: Candidates = [
      candidate("healthy"),
      candidate("busy", { status: "busy" }),
      candidate("warming", { status: "warming" }),
    ];
    const counts = countPicks(create(), tier, 10_000);
    expectShare(counts, "healthy", 7143);
    expectShare(counts, "busy", 2143);
    expectShare(counts, "warming", 714);
  });

  test("an endpoint's own weight multiplies that of its status", () => {
    const tier: Candidates = [
      candidate("heavy", { weight: 3 }),
      candidate("light"),
      candidate("busy", { weight: 10, status: "busy" }),
    ];
    const counts = countPicks(create(), tier, 10_000);
    expectShare(counts, "heavy", 4286);
    expectShare(counts, "light", 1429);
    expectShare(counts, "busy", 4286);
  });

  test("an endpoint with as much work as its kind handles well weighs as a busy one", () => {
    const connections = new ConnectionCounts();
    const tier: Candidates = [candidate("full", { maxConcurrentRequests: 2 }), candidate("free")];
    connections.acquire("full");
    const below = countPicks(create(connections), tier, 10_000);
    expectShare(below, "full", 5000);
    connections.acquire("full");
    const at = countPicks(create(connections), tier, 10_000);
    expectShare(at, "full", 2308);
  });

  test("saturation does not make a warming endpoint weigh more", () => {
    const connections = new ConnectionCounts();
    connections.acquire("warming");
    const tier: Candidates = [
      candidate("warming", { status: "warming", maxConcurrentRequests: 1 }),
      candidate("healthy"),
    ];
    const counts = countPicks(create(connections), tier, 10_000);
    expectShare(counts, "warming", 909);
  });

  test("a limit of 0 means none", () => {
    const connections = new ConnectionCounts();
    for (let request = 0; request < 50; request++) connections.acquire("a");
    const counts = countPicks(create(connections), [candidate("a"), candidate("b")], 10_000);
    expectShare(counts, "a", 5000);
  });

  test("without any weight in the tier the draw is even", () => {
    const tier: Candidates = [candidate("a", { status: "unknown" }), candidate("b", { status: "unknown" })];
    const counts = countPicks(create(), tier, 10_000);
    expectShare(counts, "a", 5000);
  });

  test("the ends of the draw choose the ends of the tier, in configuration order", () => {
    const tier: Candidates = [candidate("a"), candidate("b"), candidate("c")];
    expect(create(undefined, () => 0).select(tier).endpoint.name).toBe("a");
    expect(create(undefined, () => 1 - Number.EPSILON / 2).select(tier).endpoint.name).toBe("c");
  });

  test("a draw of 0 does not choose an endpoint without weight", () => {
    const tier: Candidates = [candidate("none", { status: "offline" }), candidate("some")];
    expect(create(undefined, () => 0).select(tier).endpoint.name).toBe("some");
  });
});

describe("round-robin", () => {
  const create = () =>
    createBalancer("round-robin", { connections: new ConnectionCounts(), random: Math.random });
  const [a, b, c] = [candidate("a"), candidate("b"), candidate("c")];

  test("takes turns in the order given", () => {
    expect(names(create(), [a, b, c], 7)).toBe("abcabca");
    expect(countPicks(create(), [a, b, c], 1000)).toEqual({ a: 334, b: 333, c: 333 });
  });

  test("goes on with those left when one drops out", () => {
    const balancer = create();
    expect(names(balancer, [a, b, c], 4)).toBe("abca");
    expect(names(balancer, [a, c], 2)).toBe("ac");
  });

  test("another model's endpoints do not disturb the turns", () => {
    const balancer = create();
    let chosen = "";
    for (let round = 0; round < 4; round++) {
      chosen += balancer.select([a, b]).endpoint.name;
      balancer.select([a, b, c]);
    }
    expect(chosen).toBe("abab");
  });

  test("priority and status have no say", () => {
    const uneven: Candidates = [candidate("a", { priority: 1 }), candidate("b", { status: "warming" })];
    expect(names(create(), uneven, 4)).toBe("abab");
  });

  test("thousands of combinations do not make it lose its turns within one", () => {
    const balancer = create();
    for (let index = 0; index < 10_000; index++) balancer.select([a, candidate(`x${index}`)]);
    expect(names(balancer, [a, b, c], 6)).toBe("abcabc");
  });
});

describe("least-connections", () => {
  const setUp = () => {
    const connections = new ConnectionCounts();
    return {
      connections,
      balancer: createBalancer("least-connections", { connections, random: Math.random }),
    };
  };
  const three: Candidates = [candidate("a"), candidate("b"), candidate("c")];

  test("the endpoint with the fewest requests under way is chosen", () => {
    const { connections, balancer } = setUp();
    connections.acquire("a");
    connections.acquire("b");
    expect(names(balancer, three, 3)).toBe("ccc");
  });

  test("those that are level take turns, and one with a held stream is avoided", () => {
    const { connections, balancer } = setUp();
    connections.acquire("c");
    connections.acquire("c");
    expect(names(balancer, three, 4)).toBe("abab");
  });

  test("a choice without a tie does not move the turn", () => {
    const { connections, balancer } = setUp();
    expect(names(balancer, three, 1)).toBe("a");
    const releases = [connections.acquire("a"), connections.acquire("b")];
    expect(names(balancer, three, 2)).toBe("cc");
    for (const release of releases) release();
    expect(names(balancer, three, 1)).toBe("b");
  });

  test("requests of different length end up spread by load", () => {
    const { connections, balancer } = setUp();
    for (let request = 0; request < 30; request++) connections.acquire(balancer.select(three).endpoint.name);
    expect([...connections.census().values()]).toEqual([10, 10, 10]);
  });
});
