import { expect, test } from "bun:test";
import { builtinProfiles } from "../profiles/builtin.ts";
import type { Profile } from "../profiles/profile.ts";
import { createPathSupport } from "./path-support.ts";

function kind(name: string, paths: readonly string[], openaiCompatible = false): Profile {
  const [pattern] = builtinProfiles();
  if (pattern === undefined) throw new Error("no builtin profile");
  return { ...pattern, name, paths, openaiCompatible };
}

const support = createPathSupport([
  kind("ollama", ["/", "/api/chat", "/v1/chat/completions"], true),
  kind("vllm", ["/v1/chat/completions", "/tokenize"], true),
  kind("native", ["/native/chat", "/api/chat"]),
  kind("openai-compatible", ["/v1/chat/completions", "/v1/audio/speech"], true),
]);

function names(path: string): string[] | undefined {
  const supporting = support.supportedBy(path);
  return supporting === undefined ? undefined : [...supporting].sort();
}

test("an exact path leads to the kinds that list it", () => {
  expect(names("/tokenize")).toEqual(["vllm"]);
  expect(names("/api/chat")).toEqual(["native", "ollama"]);
});

test("what the OpenAI-compatible kind lists, every compatible kind answers", () => {
  expect(names("/v1/audio/speech")).toEqual(["ollama", "openai-compatible", "vllm"]);
});

test("a path behind a prefix of its own is known by its end", () => {
  expect(names("/engines/x/tokenize")).toEqual(["vllm"]);
});

test("several known ends add up", () => {
  const nested = createPathSupport([kind("outer", ["/a/b"]), kind("inner", ["/b"])]);
  expect([...(nested.supportedBy("/x/a/b") ?? [])].sort()).toEqual(["inner", "outer"]);
});

test("an exact path is not widened by shorter ones", () => {
  const nested = createPathSupport([kind("outer", ["/a/b"]), kind("inner", ["/b"])]);
  expect([...(nested.supportedBy("/a/b") ?? [])]).toEqual(["outer"]);
});

test("the front page is an exact path only, not the end of all", () => {
  expect(names("/")).toEqual(["ollama"]);
  expect(names("/unknown/")).toBeUndefined();
});

test("half a segment is not an end", () => {
  expect(names("/xtokenize")).toBeUndefined();
});

test("a path that nobody lists constrains nothing", () => {
  expect(names("/v9/new-thing")).toBeUndefined();
  expect(support.supports("ollama", "/v9/new-thing")).toBe(true);
});

test("a listed path is not for the kinds that do not list it", () => {
  expect(support.supports("vllm", "/tokenize")).toBe(true);
  expect(support.supports("ollama", "/tokenize")).toBe(false);
});

test("the built-in kinds: Ollama's own paths are Ollama's, OpenAI's are everybody's", () => {
  const builtin = createPathSupport(builtinProfiles());
  expect([...(builtin.supportedBy("/api/chat") ?? [])]).toEqual(["ollama"]);
  for (const name of ["ollama", "vllm", "lm-studio", "openai-compatible"]) {
    expect(builtin.supports(name, "/v1/chat/completions")).toBe(true);
  }
});
