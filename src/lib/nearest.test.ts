import { expect, test } from "bun:test";
import { editDistance, nearestNames } from "./nearest.ts";

const names = ["port", "host", "read_timeout", "write_timeout", "request_logging"];

test.each([
  ["prot", "port"],
  ["prt", "port"],
  ["PORT", "port"],
  ["read_timout", "read_timeout"],
  ["readtimeout", "read_timeout"],
  ["reqest_loging", "request_logging"],
])("%p means %p", (wanted, meant) => {
  expect(nearestNames(wanted, names, 1)).toEqual([meant]);
});

test("nothing is suggested for a name that resembles none", () => {
  expect(nearestNames("colour", names, 3)).toEqual([]);
  expect(nearestNames("x", ["y"], 3)).toEqual([]);
  expect(nearestNames("", names, 3)).toEqual([]);
});

test("a model name without its tag is recognised", () => {
  expect(nearestNames("llama3", ["llama3:latest", "mistral:7b"], 2)).toEqual(["llama3:latest"]);
});

test("the best match comes first and the limit holds", () => {
  expect(nearestNames("qwen2", ["qwen3", "qwen", "qwen2:7b", "qwen25"], 2)).toEqual(["qwen", "qwen25"]);
});

test("swapping two neighbours costs one edit, as does every other single slip", () => {
  expect(editDistance("prot", "port")).toBe(1);
  expect(editDistance("port", "ports")).toBe(1);
  expect(editDistance("port", "part")).toBe(1);
  expect(editDistance("", "abc")).toBe(3);
  expect(editDistance("same", "same")).toBe(0);
});
