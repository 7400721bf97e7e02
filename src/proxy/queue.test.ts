import { expect, test } from "bun:test";
import { WaitingLines } from "./queue.ts";

test("the first in a line is who came first, whatever other lines they stand in", () => {
  const lines = new WaitingLines<string>();
  lines.join("early", ["a", "b"]);
  lines.join("late", ["b"]);
  lines.join("later", ["a"]);
  expect([lines.first("a"), lines.first("b"), lines.first("c")]).toEqual(["early", "early", undefined]);
  lines.leave("early");
  expect([lines.first("a"), lines.first("b")]).toEqual(["later", "late"]);
});

test("one who stands in two lines is in the depth of both and counts once", () => {
  const lines = new WaitingLines<string>();
  lines.join("one", ["a", "b"]);
  lines.join("two", ["b", "b"]);
  expect([lines.depth("a"), lines.depth("b"), lines.depth("c"), lines.size()]).toEqual([1, 2, 0, 2]);
  expect(lines.names()).toEqual(["a", "b"]);
});

test("after everybody has left, once or twice, nothing is kept", () => {
  const lines = new WaitingLines<string>();
  lines.join("one", ["a", "b"]);
  lines.leave("one");
  lines.leave("one");
  expect([lines.size(), lines.depth("a"), lines.names().length]).toEqual([0, 0, 0]);
});

test("closing a line displaces those who have no other", () => {
  const lines = new WaitingLines<string>();
  lines.join("both", ["a", "b"]);
  lines.join("only", ["a"]);
  expect(lines.retain(new Set(["b"]))).toEqual(["only"]);
  expect([lines.size(), lines.depth("a"), lines.first("b")]).toEqual([1, 0, "both"]);
  lines.leave("both");
  expect(lines.names()).toEqual([]);
});
