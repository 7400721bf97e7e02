import { expect, test } from "bun:test";
import { Deadlines } from "./deadlines.ts";

/** Resolves with the milliseconds after which the deadline was called. */
function passed(deadlines: Deadlines, delayMs: number): Promise<number> {
  const startedAt = performance.now();
  return new Promise((resolve) => deadlines.add(delayMs, () => resolve(performance.now() - startedAt)));
}

test.each([0, 5, 19, 20, 45, 120])(
  "a deadline of %d ms is called after it, and not before",
  async (delayMs) => {
    const elapsedMs = await passed(new Deadlines(), delayMs);
    // Timers count whole milliseconds.
    expect(elapsedMs).toBeGreaterThanOrEqual(delayMs - 1);
  },
);

test("what was lifted is not called, whenever that was, and the others are", async () => {
  const deadlines = new Deadlines();
  const called: string[] = [];
  const add = (name: string) => deadlines.add(60, () => called.push(name));
  const liftAtOnce = ["a", "b", "c", "d"].map(add);
  for (const index of [0, 3, 0]) liftAtOnce[index]?.();
  const liftLater = add("e");
  const last = passed(deadlines, 100);
  await passed(deadlines, 40);
  liftLater();
  await last;
  expect(called.sort()).toEqual(["b", "c"]);
});

test("thousands that are lifted at once leave nothing that is called or kept", async () => {
  const deadlines = new Deadlines();
  let calls = 0;
  for (let count = 0; count < 5_000; count += 1) {
    const lift = deadlines.add(25, () => {
      calls += 1;
    });
    lift();
    lift();
  }
  await passed(deadlines, 60);
  expect(calls).toBe(0);
});

test("a deadline that is set in the call of another one is kept as well", async () => {
  const deadlines = new Deadlines();
  const order: string[] = [];
  await new Promise<void>((resolve) => {
    deadlines.add(25, () => {
      order.push("first");
      deadlines.add(25, () => {
        order.push("second");
        resolve();
      });
    });
  });
  expect(order).toEqual(["first", "second"]);
});
