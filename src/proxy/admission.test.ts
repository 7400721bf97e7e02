import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { sampleCandidate } from "../../test/conformance/balancer.cases.ts";
import { createFakeClock } from "../../test/support/fake-clock.ts";
import { ConnectionCounts } from "../balancer/connections.ts";
import { OllaError } from "../errors.ts";
import { Admission, type Admitted, type WaitOptions } from "./admission.ts";

interface Traits {
  readonly limits?: Record<string, number>;
  readonly queueMax?: number;
  readonly queueTimeoutMs?: number;
}

function setUp({ limits = { a: 1, b: 1 }, queueMax = 100, queueTimeoutMs = 30_000 }: Traits = {}) {
  const clock = createFakeClock();
  const connections = new ConnectionCounts();
  const limitOf = (name: string) => limits[name] ?? 0;
  const lowestLimit = () => lowestOf(Object.values(limits));
  const admission = new Admission({ limitOf, lowestLimit, queueMax, queueTimeoutMs, clock, connections });
  return { clock, connections, admission, limits };
}

const lowestOf = (limits: readonly number[]) => Math.min(...limits.filter((limit) => limit > 0));

const stays = new AbortController().signal;

/** Waits, and writes down who got what in which order. */
function enqueue(
  admission: Admission,
  names: readonly string[],
  label: string,
  log: string[],
  laterNames: readonly string[] = [],
  options: WaitOptions = {},
) {
  const leaving = new AbortController();
  const place: { admitted?: Admitted; error?: unknown } = {};
  const settled = admission.wait(names, leaving.signal, { laterNames, ...options }).then(
    (admitted) => {
      place.admitted = admitted;
      log.push(`${label}:${admitted.endpointName}`);
    },
    (error: unknown) => {
      place.error = error;
      log.push(`${label}:${error instanceof OllaError ? error.code : String(error)}`);
    },
  );
  return { place, settled, leave: () => leaving.abort() };
}

describe("places that are taken later", () => {
  test("a free one is taken after half of the longest wait, or none when the better one is free before", async () => {
    const { admission, clock, connections } = setUp();
    const release = admission.enter("a");
    const log: string[] = [];
    const patient = enqueue(admission, ["a"], "patient", log, ["b"]);
    const sooner = enqueue(admission, ["a"], "sooner", log, ["b"]);
    clock.advance(14_999);
    release();
    await patient.settled;
    expect(connections.of("b")).toBe(0);
    clock.advance(1);
    await sooner.settled;
    expect(log).toEqual(["patient:a", "sooner:b"]);
    expect(sooner.place.admitted?.waitedMs).toBe(15_000);
    expect(clock.pendingTimers()).toBe(0);
  });

  test("a busy one is stood in line for as well, behind those who wait there, until the wait is over", async () => {
    const { admission, clock } = setUp({ limits: { a: 1, b: 1 } });
    admission.enter("a");
    const releaseOther = admission.enter("b");
    const log: string[] = [];
    const patient = enqueue(admission, ["a"], "patient", log, ["b"]);
    const unlucky = enqueue(admission, ["a"], "unlucky", log, ["b"]);
    clock.advance(15_000);
    expect([admission.queueDepth("a"), admission.queueDepth("b"), admission.waiting()]).toEqual([2, 2, 2]);
    releaseOther();
    await patient.settled;
    clock.advance(15_000);
    await unlucky.settled;
    expect(log).toEqual(["patient:b", "unlucky:queue_timeout"]);
    expect(admission.waiting()).toBe(0);
    expect(clock.pendingTimers()).toBe(0);
  });

  test("they are taken at once where the better lines are full, or nobody may wait", async () => {
    const { admission, clock } = setUp({ queueMax: 0 });
    admission.enter("a");
    const log: string[] = [];
    await enqueue(admission, ["a"], "first", log, ["b"]).settled;
    await enqueue(admission, ["a"], "second", log, ["b"]).settled;
    expect(log).toEqual(["first:b", "second:queue_full"]);
    expect(clock.pendingTimers()).toBe(0);
  });

  test("whoever leaves before leaves nothing behind", async () => {
    const { admission, clock } = setUp({ queueTimeoutMs: 0 });
    admission.enter("a");
    const log: string[] = [];
    const leaver = enqueue(admission, ["a"], "leaver", log, ["b"]);
    leaver.leave();
    await leaver.settled;
    expect(log).toEqual(["leaver:client_abort"]);
    expect(clock.pendingTimers()).toBe(0);
  });
});

describe("places", () => {
  const [a, b, c] = [sampleCandidate("a"), sampleCandidate("b"), sampleCandidate("c")];

  test("the very list comes back while everybody has a place, and only those with one after that", () => {
    const { admission } = setUp({ limits: { a: 1, b: 2 } });
    const all = [a, b, c];
    expect(admission.free(all)).toBe(all);
    const release = admission.enter("a");
    expect(admission.free(all)).toEqual([b, c]);
    expect(admission.free([a])).toEqual([]);
    release();
    expect(admission.free(all)).toBe(all);
  });

  test("an endpoint without a limit always has one", () => {
    const { admission, connections } = setUp({ limits: {} });
    for (let request = 0; request < 1000; request++) admission.enter("a");
    expect(connections.of("a")).toBe(1000);
    expect(admission.free([a])).toHaveLength(1);
  });

  test("a place given back twice is given back once", () => {
    const { admission, connections } = setUp({ limits: { a: 2 } });
    const release = admission.enter("a");
    admission.enter("a");
    release();
    release();
    expect(connections.of("a")).toBe(1);
  });

  test("whoever asks to wait although there is a place gets it at once, in the order asked", async () => {
    const { admission, connections, clock } = setUp();
    admission.enter("a");
    const admitted = await admission.wait(["a", "b"], stays);
    expect(admitted).toMatchObject({ endpointName: "b", waitedMs: 0, aheadOnArrival: 0 });
    expect(connections.of("b")).toBe(1);
    expect(clock.pendingTimers()).toBe(0);
  });
});

describe("waiting", () => {
  test("is first come, first served, and the time is measured", async () => {
    const { admission, connections, clock } = setUp();
    const log: string[] = [];
    let release = admission.enter("a");
    const waiters = ["1", "2", "3"].map((label) => enqueue(admission, ["a"], label, log));
    expect([admission.queueDepth("a"), admission.waiting()]).toEqual([3, 3]);
    for (const waiter of waiters) {
      clock.advance(100);
      release();
      await waiter.settled;
      expect(connections.of("a")).toBe(1);
      release = waiter.place.admitted?.release ?? release;
    }
    release();
    expect(log).toEqual(["1:a", "2:a", "3:a"]);
    expect(waiters.map(({ place }) => place.admitted?.waitedMs)).toEqual([100, 200, 300]);
    expect(waiters.map(({ place }) => place.admitted?.aheadOnArrival)).toEqual([0, 1, 2]);
    expect(admission.waitTotals()).toMatchObject({ admitted: 3, waitedMs: 600, longestMs: 300 });
    expect([connections.highest(), admission.waiting(), clock.pendingTimers()]).toEqual([0, 0, 0]);
  });

  test("the place is taken before anybody else can look, even before the waiter runs", () => {
    const { admission, connections } = setUp();
    const release = admission.enter("a");
    void enqueue(admission, ["a"], "1", []).settled;
    release();
    expect(connections.of("a")).toBe(1);
    expect(admission.free([sampleCandidate("a")])).toEqual([]);
  });

  test("for several endpoints at once ends with the first that is free", async () => {
    const { admission, connections } = setUp();
    const log: string[] = [];
    const releaseA = admission.enter("a");
    const releaseB = admission.enter("b");
    const onlyA = enqueue(admission, ["a"], "only a", log);
    const either = enqueue(admission, ["a", "b"], "either", log);
    releaseB();
    await either.settled;
    expect([admission.queueDepth("a"), admission.queueDepth("b")]).toEqual([1, 0]);
    releaseA();
    await onlyA.settled;
    expect(log).toEqual(["either:b", "only a:a"]);
    expect([connections.of("a"), connections.of("b")]).toEqual([1, 1]);
  });

  test("a model whose endpoint is stuck holds up no other model", async () => {
    const { admission } = setUp();
    const log: string[] = [];
    admission.enter("a");
    const releaseB = admission.enter("b");
    for (let index = 0; index < 50; index++) enqueue(admission, ["a"], "stuck", log);
    const other = enqueue(admission, ["b"], "other", log);
    releaseB();
    await other.settled;
    expect(log).toEqual(["other:b"]);
  });

  test("a hang-up leaves at once, without a timer, a listener or a place behind", async () => {
    const { admission, connections, clock } = setUp();
    const log: string[] = [];
    const release = admission.enter("a");
    const first = enqueue(admission, ["a", "b"], "first", log);
    await first.settled; // b had a place
    const gone = enqueue(admission, ["a", "b"], "gone", log);
    const next = enqueue(admission, ["a"], "next", log);
    gone.leave();
    expect([admission.waiting(), admission.queueDepth("a"), admission.queueDepth("b")]).toEqual([1, 1, 0]);
    release();
    await Promise.all([gone.settled, next.settled]);
    gone.leave();
    expect(log).toEqual(["first:b", "gone:client_abort", "next:a"]);
    first.place.admitted?.release();
    next.place.admitted?.release();
    expect([connections.highest(), clock.pendingTimers(), admission.waitTotals().abandoned]).toEqual([
      0, 0, 1,
    ]);
  });

  test("no listener stays on the client's signal once the wait is over, however it ends", async () => {
    const { admission, clock } = setUp();
    const listeners = new Set<unknown>();
    const { signal } = new AbortController();
    const counted = new Proxy(signal, {
      get(target, key) {
        if (key === "addEventListener") return (_type: string, listener: unknown) => listeners.add(listener);
        if (key === "removeEventListener")
          return (_type: string, listener: unknown) => listeners.delete(listener);
        return Reflect.get(target, key, target) as unknown;
      },
    });
    const release = admission.enter("a");
    const admitted = admission.wait(["a"], counted);
    const timesOut = admission.wait(["a"], counted).catch((error: unknown) => error);
    expect(listeners.size).toBe(2);
    release();
    clock.advance(30_000);
    await Promise.all([admitted, timesOut]);
    expect(listeners.size).toBe(0);
  });

  test("a client that has left already does not wait, not even for a free place", async () => {
    const { admission, connections } = setUp();
    await expect(admission.wait(["a"], AbortSignal.abort())).rejects.toMatchObject({ code: "client_abort" });
    expect(connections.highest()).toBe(0);
  });

  test("a hang-up after the place was given changes nothing: the holder gives it back", async () => {
    const { admission, connections } = setUp();
    const release = admission.enter("a");
    const waiter = enqueue(admission, ["a"], "1", []);
    release();
    waiter.leave();
    await waiter.settled;
    expect(connections.of("a")).toBe(1);
    waiter.place.admitted?.release();
    expect(connections.of("a")).toBe(0);
  });

  test("ends with queue_timeout, a 429 that says when to come back", async () => {
    const { admission, clock } = setUp({ queueTimeoutMs: 5000 });
    admission.enter("a");
    const waiter = enqueue(admission, ["a"], "1", []);
    clock.advance(4999);
    expect(admission.waiting()).toBe(1);
    clock.advance(1);
    await waiter.settled;
    expect(waiter.place.error).toMatchObject({ code: "queue_timeout", status: 429, retryAfterSeconds: 1 });
    expect([admission.waiting(), clock.pendingTimers(), admission.waitTotals().timedOut]).toEqual([0, 0, 1]);
  });

  test("without a time limit goes on as long as the client stays", () => {
    const { admission, clock } = setUp({ queueTimeoutMs: 0 });
    admission.enter("a");
    void enqueue(admission, ["a"], "1", []).settled;
    clock.advance(3_600_000);
    expect(admission.waiting()).toBe(1);
  });
});

describe("a full queue", () => {
  test("refuses with 429, and the wait it names is queue length times recent mean time", async () => {
    const { admission, clock } = setUp({ queueMax: 2 });
    for (let request = 0; request < 3; request++) {
      const release = admission.enter("a");
      clock.advance(4000);
      release();
    }
    admission.enter("a");
    const waiters = [enqueue(admission, ["a"], "1", []), enqueue(admission, ["a"], "2", [])];
    await expect(admission.wait(["a"], stays)).rejects.toMatchObject({
      code: "queue_full",
      status: 429,
      retryAfterSeconds: 12,
      isRetryable: false,
    });
    expect([admission.waiting(), admission.waitTotals().refused]).toEqual([2, 1]);
    for (const waiter of waiters) waiter.leave();
  });

  test("places work in parallel, so more of them shorten the wait it names", async () => {
    const { admission, clock } = setUp({ limits: { a: 4 }, queueMax: 0 });
    for (let place = 0; place < 4; place++) {
      const release = admission.enter("a");
      clock.advance(40_000);
      release();
    }
    for (let place = 0; place < 4; place++) admission.enter("a");
    await expect(admission.wait(["a"], stays)).rejects.toMatchObject({ retryAfterSeconds: 10 });
  });

  test("names at least a second and at most ten minutes", async () => {
    const { admission, clock } = setUp({ queueMax: 0 });
    const releaseA = admission.enter("a");
    await expect(admission.wait(["a"], stays)).rejects.toMatchObject({ retryAfterSeconds: 1 });
    clock.advance(86_400_000);
    releaseA();
    admission.enter("a");
    await expect(admission.wait(["a"], stays)).rejects.toMatchObject({ retryAfterSeconds: 600 });
  });

  test("one queue with room is enough", async () => {
    const { admission } = setUp({ queueMax: 1 });
    admission.enter("a");
    const releaseB = admission.enter("b");
    const waiters = [enqueue(admission, ["a"], "1", []), enqueue(admission, ["a", "b"], "2", [])];
    expect([admission.queueDepth("a"), admission.queueDepth("b")]).toEqual([2, 1]);
    await expect(admission.wait(["a", "b"], stays)).rejects.toMatchObject({ code: "queue_full" });
    releaseB();
    await waiters[1]?.settled;
    expect(waiters[1]?.place.admitted?.endpointName).toBe("b");
  });
});

describe("endpoints that change", () => {
  test("those who waited for a removed one go on with their others, or fail at once", async () => {
    const { admission, clock } = setUp();
    const log: string[] = [];
    admission.enter("a");
    const releaseB = admission.enter("b");
    const onlyA = enqueue(admission, ["a"], "only a", log);
    const either = enqueue(admission, ["a", "b"], "either", log);
    admission.retainEndpoints(["b"]);
    await onlyA.settled;
    releaseB();
    await either.settled;
    expect(log).toEqual(["only a:no_healthy_endpoints", "either:b"]);
    expect([admission.waiting(), clock.pendingTimers()]).toEqual([0, 0]);
  });

  test("a request that still runs at a removed endpoint gives its place back to the count", () => {
    const { admission, connections } = setUp();
    const release = admission.enter("a");
    admission.retainEndpoints([]);
    release();
    expect(connections.highest()).toBe(0);
  });

  test("a raised limit lets those go who wait, in order", async () => {
    const { admission, limits } = setUp();
    const log: string[] = [];
    admission.enter("a");
    const waiters = ["1", "2", "3"].map((label) => enqueue(admission, ["a"], label, log));
    limits.a = 3;
    admission.retainEndpoints(["a", "b"]);
    await Promise.all([waiters[0]?.settled, waiters[1]?.settled]);
    expect(log).toEqual(["1:a", "2:a"]);
    expect(admission.waiting()).toBe(1);
  });

  test("nobody overtakes those who wait through a limit that was raised unannounced", async () => {
    const { admission, limits } = setUp();
    const log: string[] = [];
    admission.enter("a");
    const early = enqueue(admission, ["a"], "early", log);
    limits.a = 2;
    const late = enqueue(admission, ["a"], "late", log);
    await early.settled;
    expect(log).toEqual(["early:a"]);
    late.leave();
  });

  test("waiting for nothing is a fault of the caller", async () => {
    await expect(setUp().admission.wait([], stays)).rejects.toBeInstanceOf(RangeError);
  });
});

type Step =
  | { readonly kind: "come"; readonly names: readonly string[] }
  | { readonly kind: "end" | "leave"; readonly index: number }
  | { readonly kind: "pass"; readonly ms: number };

const names = fc.subarray(["a", "b", "c"], { minLength: 1 });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("come" as const), names }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("end" as const), index: fc.nat(40) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("leave" as const), index: fc.nat(40) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("pass" as const), ms: fc.nat(20_000) }) },
);

test("whatever happens in whatever order: limits hold, no place lies idle, nobody is overtaken, counts end at zero", async () => {
  const limits: Record<string, number> = { a: 1, b: 2, c: 3 };
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 80 }), async (steps) => {
      const { admission, connections, clock } = setUp({ limits, queueMax: 6 });
      const held: Admitted[] = [];
      const inLine: { arrival: number; names: readonly string[]; leave: () => void }[] = [];
      let arrival = 0;

      const come = (wanted: readonly string[]) => {
        const leaving = new AbortController();
        const entry = { arrival: arrival++, names: wanted, leave: () => leaving.abort() };
        inLine.push(entry);
        const leaveLine = () => inLine.splice(inLine.indexOf(entry), 1);
        admission.wait(wanted, leaving.signal).then((admitted) => {
          const overtaken = inLine.filter(
            (other) => other.arrival < entry.arrival && other.names.includes(admitted.endpointName),
          );
          expect(overtaken).toEqual([]);
          held.push(admitted);
          leaveLine();
        }, leaveLine);
      };

      for (const each of steps) {
        if (each.kind === "come") come(each.names);
        else if (each.kind === "pass") clock.advance(each.ms);
        else if (each.kind === "leave") inLine[each.index % Math.max(1, inLine.length)]?.leave();
        else held.splice(each.index % Math.max(1, held.length), 1)[0]?.release();
        await clock.settle();
        for (const name of ["a", "b", "c"]) {
          const taken = held.filter(({ endpointName }) => endpointName === name).length;
          expect(connections.of(name)).toBe(taken);
          expect(taken).toBeLessThanOrEqual(limits[name] ?? 0);
          const isWanted = inLine.some((waiter) => waiter.names.includes(name));
          if (isWanted) expect(taken).toBe(limits[name] ?? 0);
        }
        expect(admission.waiting()).toBe(inLine.length);
      }
      for (const { leave } of [...inLine]) leave();
      for (const { release } of held) release();
      await clock.settle();
      expect([connections.highest(), admission.waiting(), clock.pendingTimers()]).toEqual([0, 0, 0]);
    }),
  );
});
