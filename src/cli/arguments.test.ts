import { expect, test } from "bun:test";
import { normaliseArguments, UsageError } from "./arguments.ts";

const cases: readonly (readonly [string[], string[]])[] = [
  [
    ["-config", "a.yaml"],
    ["--config", "a.yaml"],
  ],
  [["-config=a=b.yaml"], ["--config", "a=b.yaml"]],
  [["-c=a.yaml"], ["--config", "a.yaml"]],
  [
    ["-c", "-version"],
    ["--config", "-version"],
  ],
  [["-version"], ["--version"]],
  [["--validate-config=true"], ["--validate-config"]],
  [["--validate-config=F", "serve"], ["serve"]],
  [
    ["--", "-config"],
    ["--", "-config"],
  ],
  [
    ["--confg", "a"],
    ["--confg", "a"],
  ],
  [["-h"], ["-h"]],
];

for (const [given, expected] of cases) {
  test(`"${given.join(" ")}" is read as "${expected.join(" ")}"`, () => {
    expect(normaliseArguments(given)).toEqual(expected);
  });
}

test("a switch with a value that is no boolean is wrong usage", () => {
  expect(() => normaliseArguments(["--version=maybe"])).toThrow(UsageError);
});

test("a config flag without a value is left for the parser to complain about", () => {
  expect(normaliseArguments(["-c"])).toEqual(["--config"]);
});
