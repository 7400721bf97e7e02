// Balancers that keep away from what fails, over simulated traffic: an endpoint that refuses at once must not win.
import { describe, expect, test } from "bun:test";
import {
  type Balancer,
  type BalancerName,
  balancerNames,
  type Candidates,
} from "../../src/balancer/balancer.ts";
import { createBalancer } from "../../src/balancer/balancer-by-name.ts";
import { ConnectionCounts } from "../../src/balancer/connections.ts";
import { createGuardedBalancer, RecentFailures } from "../../src/balancer/failure-share.ts";
import { createFakeClock, type FakeClock } from "../support/fake-clock.ts";
import { seededRandom } from "../support/seeded-random.ts";
import { sampleCandidate as candidate, describeAnyBalancer } from "./balancer.cases.ts";

function createGuarded(name: BalancerName, connections: ConnectionCounts, clock: FakeClock) {
  const history = new RecentFailures({ clock });
  const inner = createBalancer(name, { connections, random: seededRandom(3) });
  return { history, balancer: createGuardedBalancer(inner, history) };
}

interface Simulation {
  readonly clients: number;
  readonly requests: number;
  readonly candidates: Candidates;
  /** How long a request at the endpoint takes now, and whether it fails. */
  readonly answer: (endpointName: string, now: number) => { readonly ms: number; readonly fails: boolean };
}

/** Each client sends one request after another; a failed one goes on to the remaining candidates at once. */
function simulate(name: BalancerName, { clients, requests, candidates, answer }: Simulation) {
  const clock = createFakeClock();
  const connections = new ConnectionCounts();
  const { history, balancer } = createGuarded(name, connections, clock);
  const chosen: { endpointName: string; at: number }[] = [];
  let served = 0;
  let begun = 0;

  const attempt = (remaining: Candidates) => {
    const picked = balancer.select(remaining);
    const { name: endpointName } = picked.endpoint;
    chosen.push({ endpointName, at: clock.now() });
    const release = connections.acquire(endpointName);
    const { ms, fails } = answer(endpointName, clock.now());
    clock.after(ms, () => {
      release();
      history.record(endpointName, fails);
      const [first, ...others] = remaining.filter((each) => each !== picked);
      if (fails && first !== undefined) return attempt([first, ...others]);
      if (!fails) served += 1;
      begin();
    });
  };
  const begin = () => {
    if (begun >= requests) return;
    begun += 1;
    attempt(candidates);
  };
  for (let client = 0; client < clients; client++) begin();
  while (clock.pendingTimers() > 0) clock.advance(clock.nextDelay() ?? 0);
  const countAt = (endpointName: string, from = 0) =>
    chosen.filter((each) => each.endpointName === endpointName && each.at >= from).length;
  return { countAt, served, leftUnderWay: connections.highest() };
}

for (const name of balancerNames) {
  describe(`guarded: ${name}`, () => {
    describeAnyBalancer((connections) => createGuarded(name, connections, createFakeClock()).balancer);

    test.each([1, 4, 16])(
      "an endpoint that answers 503 in 2 ms beside a healthy one gets less than 5 % of 1,000 requests (%i clients)",
      (clients) => {
        const { countAt, served, leftUnderWay } = simulate(name, {
          clients,
          requests: 1000,
          candidates: [candidate("broken"), candidate("healthy")],
          answer: (endpointName) =>
            endpointName === "broken" ? { ms: 2, fails: true } : { ms: 40, fails: false },
        });
        expect(countAt("broken")).toBeLessThan(50);
        expect(countAt("broken")).toBeGreaterThan(0);
        expect([served, leftUnderWay]).toEqual([1000, 0]);
      },
    );

    test("one that breaks in the middle of its work loses its share as fast", () => {
      const breaksAt = 5000;
      const { countAt, served } = simulate(name, {
        clients: 8,
        requests: 2000,
        candidates: [candidate("breaks"), candidate("healthy")],
        answer: (endpointName, now) =>
          endpointName === "breaks" && now >= breaksAt ? { ms: 2, fails: true } : { ms: 40, fails: false },
      });
      expect(countAt("breaks")).toBeGreaterThan(300);
      expect(countAt("breaks", breaksAt)).toBeLessThan(50);
      expect(served).toBe(2000);
    });

    test("one that flaps gets its share again", () => {
      const wellFrom = 10_000;
      const { countAt } = simulate(name, {
        clients: 8,
        requests: 8000,
        candidates: [candidate("flaps"), candidate("healthy")],
        answer: (endpointName, now) =>
          endpointName === "flaps" && now < wellFrom && now % 2000 < 1500
            ? { ms: 2, fails: true }
            : { ms: 40, fails: false },
      });
      const from = wellFrom + 15_000;
      expect(countAt("flaps", from) / (countAt("flaps", from) + countAt("healthy", from))).toBeGreaterThan(
        0.4,
      );
    });

    test("the last candidate is chosen however often it fails, and so are all when all fail", () => {
      const clock = createFakeClock();
      const { balancer, history } = createGuarded(name, new ConnectionCounts(), clock);
      const [a, b] = [candidate("a"), candidate("b")];
      for (let request = 0; request < 10; request++) {
        for (const each of ["a", "b"]) history.record(each, true);
      }
      expect(balancer.select([a])).toBe(a);
      expect(pickedNames(balancer, [a, b], 50)).toEqual(new Set(["a", "b"]));
    });
  });
}

function pickedNames(balancer: Balancer, candidates: Candidates, picks: number): Set<string> {
  return new Set(Array.from({ length: picks }, () => balancer.select(candidates).endpoint.name));
}

test("a lower priority serves while the higher one is ejected, and no longer", () => {
  const clock = createFakeClock();
  const { balancer, history } = createGuarded("priority", new ConnectionCounts(), clock);
  const tiers: Candidates = [candidate("high"), candidate("low", { priority: 50 })];
  for (let request = 0; request < 5; request++) history.record("high", true);
  expect(pickedNames(balancer, tiers, 20)).toEqual(new Set(["low"]));
  clock.advance(1000);
  // The trial is under way: nobody else is sent there.
  expect(balancer.select(tiers).endpoint.name).toBe("high");
  expect(pickedNames(balancer, tiers, 20)).toEqual(new Set(["low"]));
  history.record("high", false);
  expect(pickedNames(balancer, tiers, 20)).toEqual(new Set(["high"]));
});

test("without the guard least-connections is fooled", () => {
  const connections = new ConnectionCounts();
  const balancer = createBalancer("least-connections", { connections, random: seededRandom(3) });
  for (let stream = 0; stream < 4; stream++) connections.acquire("healthy");
  const candidates: Candidates = [candidate("broken"), candidate("healthy")];
  let broken = 0;
  for (let request = 0; request < 1000; request++) {
    const { name } = balancer.select(candidates).endpoint;
    connections.acquire(name)();
    broken += name === "broken" ? 1 : 0;
  }
  expect(broken).toBe(1000);
});
