// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references to variables are what is tested here
import { expect, test } from "bun:test";
import { interpolate } from "./interpolate.ts";

const env = { NAME: "value", EMPTY: "", DOLLAR: "$&${NAME}" };

test.each([
  ["${NAME}", "value"],
  ["a-${NAME}-b", "a-value-b"],
  ["${NAME}${NAME}", "valuevalue"],
  ["${EMPTY}", ""],
  ["${EMPTY:-fallback}", "fallback"],
  ["${GONE:-fallback}", "fallback"],
  ["${GONE:-}", ""],
  ["${GONE:-a b:c}", "a b:c"],
  ["${NAME:-fallback}", "value"],
  ["$NAME", "$NAME"],
  ["$5", "$5"],
  ["${", "${"],
  ["${DOLLAR}", "$&${NAME}"],
])("%p becomes %p", (template, text) => {
  expect(interpolate(template, env)).toEqual({ text, missing: [], hasBadReference: false });
});

test("every missing variable is named", () => {
  expect(interpolate("${ONE} ${NAME} ${TWO}", env).missing).toEqual(["ONE", "TWO"]);
});

test.each(["${}", "${a b}", "${1A}", "${${NAME}}", "${A:fallback}"])("%p refers to nothing", (template) => {
  expect(interpolate(template, env).hasBadReference).toBe(true);
});
