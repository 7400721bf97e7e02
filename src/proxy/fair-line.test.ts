import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { createFakeClock } from "../../test/support/fake-clock.ts";
import { ConnectionCounts } from "../balancer/connections.ts";
import { OllaError } from "../errors.ts";
import { Admission, type Admitted, type WaitOptions } from "./admission.ts";
import { FairLine, type Sender } from "./fair-line.ts";

const from = (client: string, priority = 0): Sender => ({ client, priority });

function setUp(limits: Record<string, number> = { a: 1 }, queueMax = 100) {
  const clock = createFakeClock();
  const connections = new ConnectionCounts();
  const admission = new Admission({
    limitOf: (name) => limits[name] ?? 0,
    lowestLimit: () => Math.min(...Object.values(limits)),
    queueMax,
    queueTimeoutMs: 30_000,
    clock,
    connections,
  });
  const served: string[] = [];
  const failed: string[] = [];
  const held: Admitted[] = [];
  const come = (sender: Sender, label = sender.client, options: WaitOptions = {}, names = ["a"]) => {
    const leaving = new AbortController();
    admission.wait(names, leaving.signal, { ...options, sender }).then(
      (admitted) => {
        served.push(label);
        held.push(admitted);
      },
      (error: unknown) => failed.push(`${label}:${error instanceof OllaError ? error.code : String(error)}`),
    );
    return () => leaving.abort();
  };
  const endOldest = async () => {
    await clock.settle();
    held.shift()?.release();
    await clock.settle();
  };
  return { clock, connections, admission, served, failed, held, come, endOldest };
}

describe("turns", () => {
  test("a client that asks for twenty and one that asks for three are served by turns, each in its own order", async () => {
    const { come, served, endOldest, admission } = setUp();
    for (let index = 0; index < 20; index++) come(from("loud"), `loud ${index}`);
    for (let index = 0; index < 3; index++) come(from("quiet"), `quiet ${index}`);
    expect(admission.queueDepth("a")).toBe(22);
    for (let index = 0; index < 8; index++) await endOldest();
    expect(served).toEqual([
      "loud 0",
      "quiet 0",
      "loud 1",
      "quiet 1",
      "loud 2",
      "quiet 2",
      "loud 3",
      "loud 4",
      "loud 5",
    ]);
  });

  test("whoever comes while the loud one is served is next, however long that one's requests take", async () => {
    const { come, served, endOldest, clock } = setUp();
    for (let index = 0; index < 5; index++) come(from("loud"));
    clock.advance(1000);
    come(from("quiet"));
    clock.advance(20_000);
    await endOldest();
    expect(served).toEqual(["loud", "quiet"]);
  });

  test("of several places those get the next who hold the fewest", async () => {
    const { come, served, held, clock } = setUp({ a: 4 });
    for (let index = 0; index < 6; index++) come(from("loud"));
    for (let index = 0; index < 6; index++) come(from("other"));
    await clock.settle();
    expect(served).toEqual(["loud", "loud", "loud", "loud"]);
    for (let index = 0; index < 2; index++) held.shift()?.release();
    await clock.settle();
    // Two and two: whose place becomes free gets it back.
    held.pop()?.release();
    await clock.settle();
    expect(served.slice(4)).toEqual(["other", "other", "other"]);
    expect(served.length).toBe(7);
  });

  test("with one place and everybody always waiting nobody is ever two turns ahead", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 6, max: 12 }), { minLength: 2, maxLength: 6 }),
        async (counts) => {
          const { come, served, endOldest } = setUp();
          for (const [client, count] of counts.entries()) {
            for (let index = 0; index < count; index++) come(from(`client ${client}`));
          }
          for (let turn = 0; turn < 6 * counts.length - 1; turn++) {
            await endOldest();
            const turns = counts.map(
              (_, client) => served.filter((name) => name === `client ${client}`).length,
            );
            // The first came to a free place.
            expect(Math.max(...turns) - Math.min(...turns)).toBeLessThanOrEqual(turn < counts.length ? 2 : 1);
          }
        },
      ),
      { numRuns: 30 },
    );
  });
});

describe("priorities", () => {
  test("a higher one goes first, also among one client's own", async () => {
    const { come, served, endOldest } = setUp();
    come(from("now"));
    come(from("batch", -5), "low");
    come(from("batch", 0), "usual");
    come(from("boss", 7), "high");
    for (let index = 0; index < 3; index++) await endOldest();
    expect(served).toEqual(["now", "high", "usual", "low"]);
  });

  test("after half of the longest wait every second place is for those who were passed over", async () => {
    const { come, served, endOldest, clock } = setUp();
    come(from("flood", 10), "high");
    for (let index = 0; index < 3; index++) come(from("batch", -10), "low");
    for (let second = 0; second < 22; second++) {
      come(from("flood", 10), "high");
      clock.advance(1000);
      await endOldest();
    }
    expect(served.flatMap((label, index) => (label === "low" ? [index] : []))).toEqual([15, 17, 19]);
  });

  test("under a flood of high priority every low one is served in time, whoever sends it", async () => {
    const priority = fc.integer({ min: -10, max: 9 });
    const lows = fc.array(fc.record({ priority, after: fc.nat(20) }), { minLength: 1, maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(lows, fc.boolean(), async (senders, isOneClient) => {
        const { come, served, failed, endOldest, clock } = setUp({ a: 1 }, 1000);
        come(from("flood", 10), "high");
        for (let tick = 0; tick < 200; tick++) {
          for (const [index, low] of senders.entries()) {
            if (low.after === tick)
              come(from(isOneClient ? "flood" : `low ${index}`, low.priority), `low ${index}`);
          }
          come(from("flood", 10), "high");
          come(from(`stranger ${tick}`, 10), "high");
          clock.advance(250);
          await endOldest();
        }
        const lateLows = new Set(served.filter((label) => label !== "high"));
        expect(failed.filter((label) => label.startsWith("low"))).toEqual([]);
        expect(lateLows.size).toBe(senders.length);
      }),
      { numRuns: 20 },
    );
  });
});

describe("a full line", () => {
  test("has room for a client with less than its share: the loudest one's newest request goes", async () => {
    const { come, served, failed, endOldest, admission, clock } = setUp({ a: 1 }, 3);
    for (let index = 0; index < 4; index++) come(from("loud"), `loud ${index}`);
    come(from("quiet"));
    await clock.settle();
    expect(failed).toEqual(["loud 3:queue_full"]);
    come(from("loud"), "loud 4");
    await clock.settle();
    expect(failed).toEqual(["loud 3:queue_full", "loud 4:queue_full"]);
    expect([admission.waiting(), admission.waitTotals().refused]).toEqual([3, 2]);
    for (let index = 0; index < 4; index++) await endOldest();
    expect(served).toEqual(["loud 0", "quiet", "loud 1", "loud 2"]);
  });

  test("of clients that wait with as many as the newcomer none has to go", async () => {
    const { come, failed, clock } = setUp({ a: 1 }, 2);
    come(from("holder"));
    come(from("one"));
    come(from("two"));
    come(from("three"));
    await clock.settle();
    expect(failed).toEqual(["three:queue_full"]);
  });

  test("a client's own low priority goes before its high one", () => {
    const line = new FairLine<string>();
    for (const [order, priority] of [5, -5, 5].entries()) {
      line.join(`${priority} ${order}`, from("loud", priority), { order, joinedAt: 0 });
    }
    expect(line.excess("quiet")).toBe("-5 1");
    expect(line.excess("loud")).toBeUndefined();
  });
});

describe("overflow", () => {
  const overflow = { names: ["cloud"], afterMs: 5000 };

  test("is stood in for after its time, and taken where there is room", async () => {
    const { come, clock, held, admission } = setUp({ a: 1, cloud: 1 });
    admission.enter("a");
    come(from("one"), "one", { overflow });
    await clock.advanceAsync(4999);
    expect(held).toEqual([]);
    await clock.advanceAsync(1);
    expect(held[0]).toMatchObject({ endpointName: "cloud", waitedMs: 5000 });
    expect([admission.waiting(), clock.pendingTimers()]).toEqual([0, 0]);
  });

  test("is not touched when the better place is free before", async () => {
    const { come, clock, held, admission } = setUp({ a: 1, cloud: 1 });
    const release = admission.enter("a");
    come(from("one"), "one", { overflow });
    clock.advance(4000);
    release();
    await clock.advanceAsync(10_000);
    expect(held.map(({ endpointName }) => endpointName)).toEqual(["a"]);
  });

  test("is taken at once where the lines are full", async () => {
    const { come, clock, held, admission } = setUp({ a: 1, cloud: 1 }, 0);
    admission.enter("a");
    come(from("one"), "one", { overflow });
    await clock.settle();
    expect(held.map(({ endpointName }) => endpointName)).toEqual(["cloud"]);
  });
});

interface Coming {
  readonly kind: "come";
  readonly names: readonly string[];
  readonly sender: Sender;
}

type Step =
  | Coming
  | { readonly kind: "end" | "leave"; readonly index: number }
  | { readonly kind: "pass"; readonly ms: number };

const names = fc.subarray(["a", "b", "c"], { minLength: 1 });
const sender = fc.record({
  client: fc.constantFrom("one", "two", "three"),
  priority: fc.integer({ min: -2, max: 2 }),
});
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant("come" as const), names, sender }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("end" as const), index: fc.nat(40) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("leave" as const), index: fc.nat(40) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("pass" as const), ms: fc.nat(20_000) }) },
);

test("whoever comes, waits and leaves in whatever order: no place idle, each client's own order kept, nothing lost", async () => {
  const limits: Record<string, number> = { a: 1, b: 2, c: 3 };
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 80 }), async (steps) => {
      const { admission, connections, clock } = setUp(limits, 5);
      const held: Admitted[] = [];
      const inLine: { arrival: number; sender: Sender; names: readonly string[]; leave: () => void }[] = [];
      let [arrivals, ends] = [0, 0];
      const come = (each: Coming) => {
        const leaving = new AbortController();
        const entry = { ...each, arrival: arrivals++, leave: () => leaving.abort() };
        inLine.push(entry);
        const leaveLine = () => inLine.splice(inLine.indexOf(entry), 1);
        admission.wait(each.names, leaving.signal, { sender: each.sender }).then(
          (admitted) => {
            const overtaken = inLine.filter(
              (other) =>
                other.arrival < entry.arrival &&
                other.sender.client === entry.sender.client &&
                other.sender.priority === entry.sender.priority &&
                other.names.includes(admitted.endpointName),
            );
            expect(overtaken).toEqual([]);
            held.push(admitted);
            leaveLine();
          },
          () => {
            ends += 1;
            leaveLine();
          },
        );
      };
      const checkPlaces = () => {
        for (const name of ["a", "b", "c"]) {
          const taken = held.filter(({ endpointName }) => endpointName === name).length;
          expect(connections.of(name)).toBe(taken);
          const isWanted = inLine.some((waiter) => waiter.names.includes(name));
          expect(isWanted ? taken : Math.min(taken, limits[name] ?? 0)).toBe(
            isWanted ? (limits[name] ?? 0) : taken,
          );
        }
        expect(admission.waiting()).toBe(inLine.length);
      };
      for (const each of steps) {
        if (each.kind === "come") come(each);
        else if (each.kind === "pass") clock.advance(each.ms);
        else if (each.kind === "leave") inLine[each.index % Math.max(1, inLine.length)]?.leave();
        else {
          const [ended] = held.splice(each.index % Math.max(1, held.length), 1);
          if (ended !== undefined) ends += 1;
          ended?.release();
        }
        await clock.settle();
        checkPlaces();
        expect(ends + held.length + inLine.length).toBe(arrivals);
      }
      for (const { leave } of [...inLine]) leave();
      for (const { release } of held) release();
      await clock.settle();
      expect([connections.highest(), admission.waiting(), clock.pendingTimers()]).toEqual([0, 0, 0]);
    }),
  );
});
