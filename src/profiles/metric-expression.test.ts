import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { compileMetricExpression, MetricExpressionError, type MetricScalar } from "./metric-expression.ts";

function evaluate(source: string, values: Record<string, MetricScalar> = {}) {
  return compileMetricExpression(source)(new Map(Object.entries(values)));
}

function problemOf(source: string): string {
  try {
    compileMetricExpression(source);
  } catch (error) {
    if (error instanceof MetricExpressionError) return error.message;
    throw error;
  }
  return "compiled";
}

describe("an expression", () => {
  test.each([
    ["1 + 2 * 3", 7],
    ["(1 + 2) * 3", 9],
    ["10 - 4 - 3", 3],
    ["100 / 10 / 2", 5],
    ["-2 * -3", 6],
    ["1.5e3 + .5", 1500.5],
    ["1 < 2 && 2 >= 2", true],
    ["1 == 1.0", true],
    ["'a' != \"a\"", false],
    ["!(1 > 2) || missing > 1", true],
    ["false && missing > 1", false],
    ["1 > 2 ? 10 : 2 > 1 ? 20 : 30", 20],
    ["true || false && false", true],
    ["len('four') + len(\"\")", 4],
    ["null == missing", true],
  ])("%s is %p", (source, result) => {
    expect(evaluate(source)).toBe(result);
  });

  test.each(["1 / 0", "0 / 0", "missing + 1", "1 < null", "len(missing)", "!missing", "-'a'", "1 && true"])(
    "%s has no result",
    (source) => {
      expect(evaluate(source)).toBeUndefined();
    },
  );

  test.each([
    "missing / 2 == 1",
    "missing > 0 ? 1 : 2",
    "true && missing",
    "1 > 2 || 3 / 0 > 1",
    "1 ? 2 : 3",
  ])("%s has none because a part has none", (source) => {
    expect(evaluate(source)).toBeUndefined();
  });

  test("reads names, and takes only the branch that is asked for", () => {
    const source = "cached != null && cached > 0 ? total - cached : total";
    expect(evaluate(source, { total: 10, cached: 4 })).toBe(6);
    expect(evaluate(source, { total: 10 })).toBe(10);
    expect(evaluate("total / n > 1 ? 1 : 0", { total: 10, n: 0 })).toBeUndefined();
  });

  test("does not see what every object has", () => {
    expect(evaluate("constructor == null && __proto__ == null")).toBe(true);
  });
});

test.each([
  ["", "the expression ends too early at character 1"],
  ["1 +", "the expression ends too early at character 4"],
  ["1 + * 2", 'unexpected "*" at character 5'],
  ["(1 + 2", 'expected ")", but the expression ends at character 7'],
  ["a ? b", 'expected ":", but the expression ends at character 6'],
  ["a b", 'unexpected "b" at character 3'],
  ["a = b", 'unexpected "=" at character 3'],
  ["a  % b", 'unexpected "%" at character 4'],
  ["max(a)", 'unknown function "max" at character 1'],
  ["len(a", 'expected ")", but the expression ends at character 6'],
  ["'open", 'unexpected "\'" at character 1'],
  [`${"(".repeat(40)}1${")".repeat(40)}`, "nested too deeply at character 33"],
])("%j is refused, saying where", (source, problem) => {
  expect(problemOf(source)).toBe(problem);
});

test("any text either compiles to something that can be evaluated or is refused in its own words", () => {
  const pieces = [
    "1",
    "a",
    "'s'",
    "+",
    "-",
    "*",
    "/",
    "<",
    "==",
    "&&",
    "||",
    "!",
    "?",
    ":",
    "(",
    ")",
    "len(",
    " ",
    "%",
  ];
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...pieces), { maxLength: 30 }), (parts) => {
      const source = parts.join("");
      if (problemOf(source) !== "compiled") return;
      const result = evaluate(source, { a: 3 });
      if (typeof result === "number") expect(Number.isFinite(result)).toBe(true);
    }),
    { numRuns: 500 },
  );
});

test("an expression of endless length is refused unread", () => {
  expect(problemOf(`1${" + 1".repeat(300)}`)).toBe("the expression is too long at character 1001");
});
