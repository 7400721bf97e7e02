import { expect, test } from "bun:test";
import { WaitingLines } from "./queue.ts";

const sender = { client: "one", priority: 0 };
const turn = { now: 0, overdueMs: 1000, heldBy: () => 0 };

test("the first in a line is who came first, whatever other lines they stand in, and leaves them all", () => {
  const lines = new WaitingLines<string>();
  lines.join("early", ["a", "b"], sender, 0);
  lines.join("late", ["b"], sender, 0);
  lines.join("later", ["a"], sender, 0);
  expect(lines.take("c", turn)).toBeUndefined();
  expect(lines.take("a", turn)).toBe("early");
  expect([lines.take("a", turn), lines.take("b", turn)]).toEqual(["later", "late"]);
  expect([lines.size(), lines.names().length]).toEqual([0, 0]);
});

test("one who stands in two lines is in the depth of both and counts once", () => {
  const lines = new WaitingLines<string>();
  lines.join("one", ["a", "b"], sender, 0);
  lines.join("two", ["b", "b"], sender, 0);
  expect([lines.depth("a"), lines.depth("b"), lines.depth("c"), lines.size()]).toEqual([1, 2, 0, 2]);
  expect(lines.names()).toEqual(["a", "b"]);
});

test("after everybody has left, once or twice, nothing is kept", () => {
  const lines = new WaitingLines<string>();
  lines.join("one", ["a", "b"], sender, 0);
  lines.leave("one");
  lines.leave("one");
  expect([lines.size(), lines.depth("a"), lines.names().length]).toEqual([0, 0, 0]);
});

test("closing a line displaces those who have no other", () => {
  const lines = new WaitingLines<string>();
  lines.join("both", ["a", "b"], sender, 0);
  lines.join("only", ["a"], sender, 0);
  expect(lines.retain(new Set(["b"]))).toEqual(["only"]);
  expect([lines.size(), lines.depth("a")]).toEqual([1, 0]);
  expect(lines.take("b", turn)).toBe("both");
  expect(lines.names()).toEqual([]);
});
