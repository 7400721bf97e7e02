import { expect, test } from "bun:test";
import { readOptions } from "./options.ts";

const scenarios = ["small", "idle"];
const read = (...args: string[]) => readOptions(args, scenarios);

test("without options everything is measured in five rounds, and nothing is written or checked", () => {
  expect(read()).toMatchObject({
    only: [],
    rounds: 5,
    peers: [],
    upstreamPort: 0,
    isForEveryPeer: false,
    isCheck: false,
    isToWrite: false,
  });
});

test("each option says what it says", () => {
  const args = "--only small --only idle --rounds 2 --peer a=http://127.0.0.1:1/x --olla o --olla-go g";
  expect(
    read(...args.split(" "), ..."--upstream-port 17001 --every-peer --check --write --json f".split(" ")),
  ).toEqual({
    only: ["small", "idle"],
    rounds: 2,
    peers: ["a=http://127.0.0.1:1/x"],
    olla: "o",
    ollaGo: "g",
    upstreamPort: 17_001,
    isForEveryPeer: true,
    isCheck: true,
    isToWrite: true,
    json: "f",
  });
});

test.each([
  [["--only", "nothere"], "nothere"],
  [["--rounds", "0"], "--rounds"],
  [["--rounds", "2.5"], "--rounds"],
  [["--upstream-port", "x"], "--upstream-port"],
  [["--bogus"], "--bogus"],
])("%j is refused by name", (args, name) => {
  const refusal = read(...args);
  expect(typeof refusal).toBe("string");
  expect(refusal).toContain(name);
});
