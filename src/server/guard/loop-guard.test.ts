import { expect, test } from "bun:test";
import { createLoopTest } from "./loop-guard.ts";

const isBack = createLoopTest("0123abcd-4567");

test.each([
  [undefined, false],
  ["1.1 olla/1.2.3 (0123abcd-4567)", true],
  ["1.1 edge, 1.1 olla/1.2.3 (0123abcd-4567), 1.1 nginx", true],
  ["1.1 olla/1.2.3 (ffffffff-4567)", false],
  ["1.1 olla/1.2.3, 1.1 olla/1.2.3 (ffffffff-4567)", false],
  ["1.1 0123abcd-4567", false],
  [Array(8).fill("1.1 olla/1.2.3").join(", "), false],
  [Array(9).fill("1.1 olla/1.2.3").join(", "), true],
])("Via %p has been here before: %p", (via, expected) => {
  expect(isBack(new Headers(via === undefined ? {} : { Via: via }))).toBe(expected);
});
