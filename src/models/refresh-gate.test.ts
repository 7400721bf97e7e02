import { describe, expect, test } from "bun:test";
import { createFakeClock } from "../../test/support/fake-clock.ts";
import { RefreshGate } from "./refresh-gate.ts";

function setUp() {
  const clock = createFakeClock();
  const runs: PromiseWithResolvers<void>[] = [];
  let newest: number | undefined;
  const gate = new RefreshGate({
    clock,
    timeoutMs: 2000,
    refreshAll: () => {
      const run = Promise.withResolvers<void>();
      runs.push(run);
      return run.promise;
    },
    newestListAt: () => newest,
  });
  /** The run under way ends, with a list of this moment or none. */
  const finish = (withList: boolean) => {
    if (withList) newest = clock.wallTime();
    runs.at(-1)?.resolve();
  };
  return { clock, runs, gate, finish };
}

const staying = new AbortController().signal;

describe("a refresh", () => {
  test("is one run for all who ask while it lasts", async () => {
    const { runs, gate, finish } = setUp();
    const asked = [gate.refresh(staying), gate.refresh(staying)];
    finish(true);
    expect(await Promise.all(asked)).toEqual(["done", "done"]);
    expect(runs).toHaveLength(1);
  });

  test("is not repeated within 5 s; what came of it holds until then", async () => {
    const { clock, runs, gate, finish } = setUp();
    const first = gate.refresh(staying);
    finish(true);
    await first;
    clock.advance(4999);
    expect(await gate.refresh(staying)).toBe("done");
    expect(runs).toHaveLength(1);
    clock.advance(1);
    const second = gate.refresh(staying);
    expect(runs).toHaveLength(2);
    finish(false);
    expect(await second).toBe("failed");
  });

  test("that takes longer than it may has failed", async () => {
    const { clock, gate } = setUp();
    const asked = gate.refresh(staying);
    await clock.advanceAsync(2000);
    expect(await asked).toBe("failed");
    expect(clock.pendingTimers()).toBe(0);
  });

  test("without a single new list has failed", async () => {
    const { gate, finish } = setUp();
    const asked = gate.refresh(staying);
    finish(false);
    expect(await asked).toBe("failed");
  });

  test("is not waited for by a client that leaves, and goes on for the others", async () => {
    const { gate, finish } = setUp();
    const leaving = new AbortController();
    const left = gate.refresh(leaving.signal);
    const stayed = gate.refresh(staying);
    leaving.abort();
    await expect(left).rejects.toMatchObject({ code: "client_abort" });
    finish(true);
    expect(await stayed).toBe("done");
    await expect(gate.refresh(leaving.signal)).rejects.toMatchObject({ code: "client_abort" });
  });
});
