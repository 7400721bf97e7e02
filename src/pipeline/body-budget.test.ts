import { expect, test } from "bun:test";
import fc from "fast-check";
import { BodyBudget } from "./body-budget.ts";

test("what does not fit is refused and takes nothing", () => {
  const budget = new BodyBudget(100);
  const first = budget.tryReserve(60);
  expect(first?.bytes).toBe(60);
  expect(budget.tryReserve(41)).toBeUndefined();
  expect(budget.tryReserve(40)?.bytes).toBe(40);
  expect(budget.used).toBe(100);
});

test("a reservation grows while there is room and keeps its size when there is not", () => {
  const budget = new BodyBudget(100);
  const reservation = budget.tryReserve(0);
  expect(reservation?.grow(70)).toBe(true);
  expect(reservation?.grow(31)).toBe(false);
  expect(reservation?.bytes).toBe(70);
  expect(reservation?.grow(30)).toBe(true);
  expect(budget.used).toBe(100);
});

test("released bytes are free again, once", () => {
  const budget = new BodyBudget(100);
  const reservation = budget.tryReserve(80);
  budget.tryReserve(20);
  reservation?.release();
  reservation?.release();
  expect(budget.used).toBe(20);
  expect(reservation?.grow(1)).toBe(false);
  expect(budget.used).toBe(20);
});

test("0 means no limit", () => {
  expect(new BodyBudget(0).tryReserve(Number.MAX_SAFE_INTEGER)).toBeDefined();
});

test("the use is always the sum of what is held, and never above the limit", () => {
  const step = fc.record({ bytes: fc.nat(50), more: fc.nat(50), endsIndex: fc.nat(10) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const budget = new BodyBudget(200);
      const held = [];
      for (const { bytes, more, endsIndex } of steps) {
        const reservation = budget.tryReserve(bytes);
        if (reservation !== undefined) held.push(reservation);
        reservation?.grow(more);
        const [ended] = held.splice(endsIndex, 1);
        ended?.release();
        expect(budget.used).toBe(held.reduce((sum, each) => sum + each.bytes, 0));
        expect(budget.used).toBeLessThanOrEqual(200);
      }
      for (const reservation of held) reservation.release();
      expect(budget.used).toBe(0);
    }),
  );
});
