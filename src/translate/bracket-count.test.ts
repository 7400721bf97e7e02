import { expect, test } from "bun:test";
import fc from "fast-check";
import { BracketCount } from "./bracket-count.ts";

function closedAfter(...pieces: string[]): boolean {
  const count = new BracketCount();
  for (const piece of pieces) count.push(piece);
  return count.isClosed;
}

test("an object is closed at its last character and not before, wherever it is cut", () => {
  const objects = fc.dictionary(fc.string(), fc.jsonValue()).map((value) => JSON.stringify(value));
  fc.assert(
    fc.property(objects, fc.nat(), (json, place) => {
      const at = place % json.length;
      expect(closedAfter(json.slice(0, at), json.slice(at))).toBe(true);
      expect(closedAfter(json.slice(0, at))).toBe(false);
    }),
  );
});

test("nothing, and a text with brackets in it, close nothing", () => {
  expect(closedAfter()).toBe(false);
  expect(closedAfter('{"a":"\\"}', "}")).toBe(false);
});
