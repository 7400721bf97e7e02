import { expect, test } from "bun:test";
import { createFakeClock } from "../../test/support/fake-clock.ts";
import { DailyTokens } from "./daily-tokens.ts";

const noon = new Date(2026, 4, 11, 12).getTime();
const dayMs = 86_400_000;

function setUp(limits: Record<string, number> = { cloud: 1000 }) {
  const clock = createFakeClock(noon);
  const spent: string[] = [];
  const daily = new DailyTokens({
    limits: new Map(Object.entries(limits)),
    clock,
    onSpent: (name, limit) => spent.push(`${name} ${limit}`),
  });
  return { clock, daily, spent };
}

test("an endpoint is spent when what it used reaches its limit, and says so once", () => {
  const { daily, spent } = setUp();
  daily.note("cloud", 999);
  expect(daily.isSpent("cloud")).toBe(false);
  daily.note("cloud", 500);
  daily.note("cloud", 500);
  expect([daily.isSpent("cloud"), daily.usedToday("cloud")]).toEqual([true, 1999]);
  expect(spent).toEqual(["cloud 1000"]);
});

test("at midnight of this machine's own time zone the count begins anew", () => {
  const { daily, clock, spent } = setUp();
  daily.note("cloud", 1000);
  expect(daily.secondsLeft()).toBe(12 * 3600);
  clock.advance(dayMs / 2 - 1);
  expect(daily.isSpent("cloud")).toBe(true);
  clock.advance(1);
  expect([daily.isSpent("cloud"), daily.usedToday("cloud"), daily.secondsLeft()]).toEqual([false, 0, 86_400]);
  daily.note("cloud", 1000);
  expect(spent).toEqual(["cloud 1000", "cloud 1000"]);
});

test("endpoints without a limit are not counted, and nothing is no use", () => {
  const { daily, spent } = setUp({ cloud: 10, free: 0 });
  daily.note("free", 1e9);
  daily.note("unknown", 1e9);
  daily.note("cloud", 0);
  daily.note("cloud", -5);
  expect(["free", "unknown", "cloud"].map((name) => daily.usedToday(name))).toEqual([0, 0, 0]);
  expect(["free", "unknown", "cloud"].some((name) => daily.isSpent(name))).toBe(false);
  expect(spent).toEqual([]);
});
