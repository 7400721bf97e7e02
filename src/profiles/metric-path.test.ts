import { expect, test } from "bun:test";
import { parseMetricPath, readMetricPath } from "./metric-path.ts";

test.each([
  ["$.usage.total_tokens", ["usage", "total_tokens"]],
  ["$.choices[0].finish_reason", ["choices", 0, "finish_reason"]],
  ["choices.0.finish_reason", ["choices", 0, "finish_reason"]],
  ["$['usage']['prompt.tokens'][\"x\"]", ["usage", "prompt.tokens", "x"]],
  ["$", []],
  ["", []],
])("%s is read step by step", (path, steps) => {
  expect(parseMetricPath(path)).toEqual(steps);
});

test.each(["$.a[", "$.a[]", "$.a[-1]", "$..a", "$.a.", "a b", "$.a['b"])("%s is no path", (path) => {
  expect(parseMetricPath(path)).toBeUndefined();
});

test("a path leads to what stands there, and to nothing of what every object has", () => {
  const document = JSON.parse('{"a":{"0":"zero","b":[{"c":1}]},"n":null}');
  const read = (path: string) => readMetricPath(document, parseMetricPath(path) ?? []);
  expect(read("$.a.b[0].c")).toBe(1);
  expect(read("$.a[0]")).toBe("zero");
  expect(read("$.n")).toBeNull();
  for (const path of ["$.a.b[1].c", "$.n.x", "$.a.b[0].c.d", "$.constructor", "$.a.__proto__"]) {
    expect(read(path)).toBeUndefined();
  }
});
