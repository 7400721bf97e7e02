import { describe, expect, test } from "bun:test";
import { sampleEndpoint } from "../../test/endpoints/endpoint-samples.ts";
import type { Warmth } from "../models/loaded/loaded-models.ts";
import type { BalancerName, Candidate, Candidates } from "./balancer.ts";
import { createBalancer } from "./balancer-by-name.ts";
import { ConnectionCounts } from "./connections.ts";
import { createWarmFirstBalancer, createWorthWaiting, type LoadedKnowledge } from "./warm-first.ts";

interface Traits {
  readonly warmth: Warmth;
  readonly active?: number;
  /** Most requests that its kind handles well. Default 2. */
  readonly handlesWell?: number;
  readonly priority?: number;
  /** Default: used just now. */
  readonly idleMs?: number;
}

type Fleet = Readonly<Record<string, Traits>>;

function candidateOf(name: string, { handlesWell = 2, priority = 100 }: Traits): Candidate {
  const { profile } = sampleEndpoint();
  const endpoint = sampleEndpoint({
    name,
    priority,
    profile: { ...profile, maxConcurrentRequests: handlesWell },
  });
  return { endpoint, status: "healthy", model: "tiny" };
}

function setUp(inner: BalancerName, fleet: Fleet) {
  const connections = new ConnectionCounts();
  const noted: string[] = [];
  const loaded: LoadedKnowledge = {
    edition: 0,
    warmthAt: ({ name }) => fleet[name]?.warmth ?? "neutral",
    idleMs: (name) => fleet[name]?.idleMs ?? 0,
    noteChosen: ({ name }, model) => noted.push(`${name} ${model}`),
  };
  const [first, ...others] = Object.entries(fleet).map(([name, traits]) => candidateOf(name, traits));
  if (first === undefined) throw new Error("a fleet needs an endpoint");
  for (const [name, { active = 0 }] of Object.entries(fleet)) {
    for (let count = 0; count < active; count++) connections.acquire(name);
  }
  const plain = createBalancer(inner, { connections, random: Math.random });
  const seen: Candidates[] = [];
  const balancer = createWarmFirstBalancer(
    {
      name: inner,
      select: (candidates) => {
        seen.push(candidates);
        return plain.select(candidates);
      },
    },
    loaded,
    connections,
  );
  const candidates: Candidates = [first, ...others];
  const worthWaiting = createWorthWaiting(plain, loaded, connections);
  return { balancer, candidates, noted, seen, worthWaiting };
}

/** Whom the inner balancer may choose from. */
function offered(inner: BalancerName, fleet: Fleet): string[] {
  const { balancer, candidates, seen } = setUp(inner, fleet);
  balancer.select(candidates);
  return seen[0]?.map(({ endpoint }) => endpoint.name) ?? [];
}

describe.each(["round-robin", "least-connections", "priority"] as const)("with %s inside", (inner) => {
  test("the endpoint that has the model is chosen before those that do not", () => {
    const fleet: Fleet = {
      cold: { warmth: "neutral" },
      warm: { warmth: "warm" },
      other: { warmth: "occupied" },
    };
    expect(offered(inner, fleet)).toEqual(["warm"]);
  });

  test("an endpoint with nothing loaded comes before one that would have to give up another model", () => {
    expect(offered(inner, { other: { warmth: "occupied" }, cold: { warmth: "neutral" } })).toEqual(["cold"]);
  });

  test("a warm endpoint at its limit shares with those that have nothing loaded", () => {
    const fleet: Fleet = { warm: { warmth: "warm", active: 2 }, cold: { warmth: "neutral" } };
    expect(offered(inner, fleet)).toEqual(["warm", "cold"]);
  });

  test("a warm endpoint at its limit keeps its requests rather than drive out a model that is in use", () => {
    const fleet: Fleet = {
      warm: { warmth: "warm", active: 9 },
      other: { warmth: "occupied", idleMs: 59_000 },
    };
    expect(offered(inner, fleet)).toEqual(["warm"]);
    const busy: Fleet = {
      warm: { warmth: "warm", active: 9 },
      other: { warmth: "occupied", active: 1, idleMs: 90_000 },
    };
    expect(offered(inner, busy)).toEqual(["warm"]);
  });

  test("a machine that rested for a minute helps a warm one at its limit, whatever it has loaded", () => {
    const fleet: Fleet = {
      warm: { warmth: "warm", active: 2 },
      other: { warmth: "occupied", idleMs: 60_000 },
    };
    expect(offered(inner, fleet)).toEqual(["warm", "other"]);
  });

  test("a kind without a limit is never too busy for its model", () => {
    const fleet: Fleet = {
      warm: { warmth: "warm", active: 99, handlesWell: 0 },
      cold: { warmth: "neutral" },
    };
    expect(offered(inner, fleet)).toEqual(["warm"]);
  });

  test.each(["warm", "neutral", "occupied"] as const)(
    "the very same list goes on when all are %s",
    (warmth) => {
      const { balancer, candidates, seen } = setUp(inner, { a: { warmth }, b: { warmth } });
      balancer.select(candidates);
      expect(seen[0]).toBe(candidates);
    },
  );

  test("a request without a model is balanced as ever, and nothing is noted", () => {
    const { balancer, candidates, noted, seen } = setUp(inner, {
      a: { warmth: "warm" },
      b: { warmth: "neutral" },
    });
    const [first, ...others] = candidates.map((candidate) => ({ ...candidate, model: undefined }));
    balancer.select(first === undefined ? candidates : [first, ...others]);
    expect(seen[0]).toHaveLength(2);
    expect(noted).toEqual([]);
  });

  test("every choice is noted under the name that goes to the endpoint, the only candidate's too", () => {
    const { balancer, candidates, noted } = setUp(inner, { a: { warmth: "neutral" } });
    balancer.select(candidates);
    balancer.select([{ ...candidates[0], bodyModel: "tiny:latest" }]);
    expect(noted).toEqual(["a tiny", "a tiny:latest"]);
  });
});

test("with priority a cold endpoint of the highest priority wins over a warm one below it", () => {
  const fleet: Fleet = { high: { warmth: "occupied", priority: 100 }, low: { warmth: "warm", priority: 50 } };
  const { balancer, candidates } = setUp("priority", fleet);
  expect(balancer.select(candidates).endpoint.name).toBe("high");
});

test("with priority the warm one of the highest priority is chosen, whatever stands below", () => {
  const fleet: Fleet = {
    cold: { warmth: "neutral", priority: 100 },
    warm: { warmth: "warm", priority: 100 },
    low: { warmth: "warm", priority: 50 },
  };
  expect(offered("priority", fleet)).toEqual(["warm"]);
});

test.each(["round-robin", "least-connections"] as const)("with %s priorities do not count", (inner) => {
  const fleet: Fleet = { high: { warmth: "neutral", priority: 100 }, low: { warmth: "warm", priority: 50 } };
  expect(offered(inner, fleet)).toEqual(["low"]);
});

describe("worth waiting for before any other", () => {
  const worth = (fleet: Fleet, inner: BalancerName = "round-robin") => {
    const { candidates, worthWaiting } = setUp(inner, fleet);
    const found = worthWaiting(candidates);
    return found === candidates ? "all" : found.map(({ endpoint }) => endpoint.name);
  };

  test.each<[what: string, fleet: Fleet, found: string[] | "all"]>([
    [
      "one that has the model, not one in use by others",
      { w: { warmth: "warm" }, o: { warmth: "occupied" } },
      ["w"],
    ],
    ["one that is crowded, too", { w: { warmth: "warm", active: 9 }, o: { warmth: "occupied" } }, ["w"]],
    [
      "one that has nothing to give up",
      { w: { warmth: "warm" }, o: { warmth: "occupied" }, n: { warmth: "neutral" } },
      ["w", "n"],
    ],
    ["one that has been idle", { w: { warmth: "warm" }, i: { warmth: "occupied", idleMs: 60_000 } }, "all"],
    ["every one where nobody has the model", { n: { warmth: "neutral" }, o: { warmth: "occupied" } }, "all"],
    ["every one where nobody uses another", { w: { warmth: "warm" }, n: { warmth: "neutral" } }, "all"],
  ])("%s", (_what, fleet, found) => {
    expect(worth(fleet)).toEqual(found);
  });

  test("with priority, an endpoint that stands above those that have the model", () => {
    const fleet: Fleet = { w: { warmth: "warm", priority: 1 }, o: { warmth: "occupied", priority: 2 } };
    expect(worth(fleet, "priority")).toBe("all");
    expect(worth(fleet, "least-connections")).toEqual(["w"]);
  });
});

test("with many machines, what is loaded and who is crowded counts from the next choice on", () => {
  const fleet = Object.fromEntries(
    Array.from({ length: 40 }, (_, index) => [`box-${index}`, { warmth: "neutral" }]),
  ) as Record<string, Traits>;
  const connections = new ConnectionCounts();
  let edition = 0;
  const [first, ...others] = Object.entries(fleet).map(([name, traits]) => candidateOf(name, traits));
  if (first === undefined) throw new Error("there are forty");
  const candidates: Candidates = [first, ...others];
  const balancer = createWarmFirstBalancer(
    createBalancer("round-robin", { connections, random: Math.random }),
    {
      get edition() {
        return edition;
      },
      warmthAt: ({ name }) => fleet[name]?.warmth ?? "neutral",
      idleMs: () => 0,
      noteChosen() {},
    },
    connections,
  );
  const pickedIn = (picks: number) =>
    new Set(Array.from({ length: picks }, () => balancer.select(candidates).endpoint.name));
  const load = (name: string) => {
    fleet[name] = { warmth: "warm" };
    edition += 1;
  };
  expect(pickedIn(40).size).toBe(40);
  load("box-7");
  expect(pickedIn(10)).toEqual(new Set(["box-7"]));
  load("box-9");
  expect(pickedIn(10)).toEqual(new Set(["box-7", "box-9"]));
  const releases = [connections.acquire("box-7"), connections.acquire("box-7")];
  expect(pickedIn(10)).toEqual(new Set(["box-9"]));
  for (const release of releases) release();
  expect(pickedIn(10)).toEqual(new Set(["box-7", "box-9"]));
});
