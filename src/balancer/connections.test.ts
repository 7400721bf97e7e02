import { expect, test } from "bun:test";
import fc from "fast-check";
import { ConnectionCounts } from "./connections.ts";

test("an endpoint never heard of has none", () => {
  expect(new ConnectionCounts().of("a")).toBe(0);
});

test("a request is counted until it is released, and a second release changes nothing", () => {
  const counts = new ConnectionCounts();
  const release = counts.acquire("a");
  counts.acquire("a");
  release();
  release();
  expect(counts.of("a")).toBe(1);
  expect(counts.highest()).toBe(1);
});

test("whatever the order of ends, counts are those of the open ones and end at zero", () => {
  const step = fc.record({ endpoint: fc.constantFrom("a", "b", "c"), endsIndex: fc.nat(20) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const counts = new ConnectionCounts();
      const open: { name: string; release: () => void }[] = [];
      const releases: (() => void)[] = [];
      for (const { endpoint, endsIndex } of steps) {
        const release = counts.acquire(endpoint);
        releases.push(release);
        open.push({ name: endpoint, release });
        const [ended] = open.splice(endsIndex, 1);
        ended?.release();
        ended?.release();
        const names = ["a", "b", "c"];
        const underWay = names.map((name) => open.filter((each) => each.name === name).length);
        expect(names.map((name) => counts.of(name))).toEqual(underWay);
        expect(counts.highest()).toBe(Math.max(...underWay));
      }
      for (const release of releases) release();
      expect(counts.highest()).toBe(0);
      expect(counts.census().size).toBe(0);
    }),
  );
});

test("a census is a copy of what was then", () => {
  const counts = new ConnectionCounts();
  const release = counts.acquire("a");
  const census = counts.census();
  release();
  expect([...census]).toEqual([["a", 1]]);
});
