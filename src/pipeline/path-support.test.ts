import { describe, expect, test } from "bun:test";
import { builtinProfiles } from "../profiles/builtin.ts";
import type { Profile } from "../profiles/profile.ts";
import { createPathSupport } from "./path-support.ts";

function kind(name: string, paths: readonly string[], openaiCompatible = false): Profile {
  const [pattern] = builtinProfiles();
  if (pattern === undefined) throw new Error("no builtin profile");
  return { ...pattern, name, paths, openaiCompatible, openaiBase: "/v1" };
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

test("a compatible kind that lists paths of OpenAI's is taken at its word", () => {
  expect(names("/v1/audio/speech")).toEqual(["openai-compatible"]);
});

test("a compatible kind that lists none of them may have all; one that is not compatible has none", () => {
  const silent = createPathSupport([
    kind("own-paths-only", ["/generate", "/v1/models"], true),
    kind("incompatible", ["/generate"]),
    kind("openai-compatible", ["/v1/models", "/v1/chat/completions", "/v1/audio/speech"], true),
  ]);
  for (const path of ["/v1/chat/completions", "/v1/audio/speech"]) {
    expect([...(silent.supportedBy(path) ?? [])]).toEqual(["own-paths-only", "openai-compatible"]);
  }
});

test("a path below a kind's own base is also known as the one that is sent there", () => {
  const moved = createPathSupport([
    { ...kind("moved", ["/engines/v1/chat/completions", "/rerank"], true), openaiBase: "/engines/v1" },
  ]);
  expect([...(moved.supportedBy("/v1/chat/completions") ?? [])]).toEqual(["moved"]);
  expect([...(moved.supportedBy("/engines/v1/chat/completions") ?? [])]).toEqual(["moved"]);
  expect(moved.supportedBy("/v1/embeddings")).toBeUndefined();
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

describe("the built-in kinds", () => {
  const builtin = createPathSupport(builtinProfiles());
  const answering = (path: string) => [...(builtin.supportedBy(path) ?? [])].sort();

  test("Ollama's own paths are Ollama's", () => {
    expect(answering("/api/chat")).toEqual(["ollama"]);
  });

  test("every kind chats in OpenAI's way, wherever it has that", () => {
    expect(answering("/v1/chat/completions")).toEqual(
      builtinProfiles()
        .map(({ name }) => name)
        .sort(),
    );
  });

  test("LMDeploy lists no embeddings, so they go to others", () => {
    expect(builtin.supports("lmdeploy", "/v1/embeddings")).toBe(false);
    expect(builtin.supports("lmdeploy", "/pooling")).toBe(true);
    expect(builtin.supports("lm-studio", "/v1/embeddings")).toBe(true);
  });

  test("speech is for those who have it", () => {
    expect(answering("/v1/audio/speech")).toEqual([
      "lemonade",
      "litellm",
      "omlx",
      "openai-compatible",
      "vllm-mlx",
    ]);
  });
});
