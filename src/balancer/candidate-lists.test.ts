import { expect, test } from "bun:test";
import fc from "fast-check";
import { sampleCandidate } from "../../test/conformance/balancer.cases.ts";
import type { Candidate, Candidates } from "./balancer.ts";
import { leastHandledWell, leaveOut, oncePerList } from "./candidate-lists.ts";

/** Every endpoint with two models. */
function fleetOf(size: number): readonly Candidate[] {
  return Array.from({ length: size / 2 }, (_, index) => sampleCandidate(`gpu-${index}`)).flatMap(
    (candidate) => [
      { ...candidate, model: "a" },
      { ...candidate, model: "b" },
    ],
  );
}

test("a long list is read once, a short one each time, and a copy is another list", () => {
  let reads = 0;
  const count = oncePerList((candidates) => {
    reads += 1;
    return candidates.length;
  });
  const [long, short] = [fleetOf(40), fleetOf(4)];
  expect([count(long), count(long), reads]).toEqual([40, 40, 1]);
  expect([count(short), count(short), reads]).toEqual([4, 4, 3]);
  expect([count([...long]), reads]).toEqual([40, 4]);
});

test("also a result that is undefined is kept", () => {
  let reads = 0;
  const look = oncePerList(() => {
    reads += 1;
  });
  const long = fleetOf(40);
  look(long);
  look(long);
  expect(reads).toBe(1);
});

for (const size of [4, 40]) {
  test(`of ${size}, those are left out that are out and suspect, whatever was left out before`, () => {
    const fleet = fleetOf(size);
    const picks = fc.array(fc.nat(size - 1), { maxLength: 4 });
    fc.assert(
      fc.property(fc.array(picks, { maxLength: 6 }), (rounds) => {
        for (const round of rounds) {
          const out = new Set(round.map((index) => fleet[index]));
          const suspects = new Map([...out].map((candidate) => [candidate?.endpoint.name ?? "", 1]));
          suspects.set("of another model", 1);
          const left = leaveOut(fleet, suspects, (candidate) => out.has(candidate));
          expect(left).toEqual(fleet.filter((candidate) => !out.has(candidate)));
          if (out.size === 0) expect(left).toBe(fleet);
        }
      }),
    );
  });
}

test("a long list without the same ones is the same list, so that what follows from it is known too", () => {
  const fleet = fleetOf(40);
  const leave = (name: string) => leaveOut(fleet, new Set([name]), ({ endpoint }) => endpoint.name === name);
  const without3 = leave("gpu-3");
  expect(leave("gpu-3")).toBe(without3);
  expect(leave("gpu-4")).not.toBe(without3);
  expect(leave("elsewhere")).toBe(fleet);
});

test("nobody is asked about where nobody is suspected", () => {
  const fleet = fleetOf(4);
  const left = leaveOut(fleet, new Set(), () => {
    throw new Error("asked");
  });
  expect(left).toBe(fleet);
});

test("the least that kinds handle well leaves out those that say nothing", () => {
  const of = (...limits: number[]) =>
    limits.map((maxConcurrentRequests, index) =>
      sampleCandidate(`gpu-${index}`, { maxConcurrentRequests }),
    ) as unknown as Candidates;
  expect(leastHandledWell(of(0, 8, 3, 0))).toBe(3);
  expect(leastHandledWell(of(0, 0))).toBe(Number.POSITIVE_INFINITY);
});
