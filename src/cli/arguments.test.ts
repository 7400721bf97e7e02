import { expect, test } from "bun:test";
import { normaliseArguments, readPlainServe, UsageError } from "./arguments.ts";

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

test.each([
  [[], {}],
  [["serve"], {}],
  [["--config", "x.yaml"], { config: "x.yaml" }],
  [["serve", "--config", "x.yaml"], { config: "x.yaml" }],
  [["--config", "x.yaml", "serve"], { config: "x.yaml" }],
  [["--config", "serve"], { config: "serve" }],
  [["--config"], undefined],
  [["--config", "--version"], undefined],
  [["serve", "serve"], undefined],
  [["serve", "--help"], undefined],
  [["demo"], undefined],
  [["--version"], undefined],
])("a plain start is recognised in %p: %p", (args, expected) => {
  expect(readPlainServe(args)).toEqual(expected);
});
