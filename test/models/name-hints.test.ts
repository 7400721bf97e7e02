import { expect, test } from "bun:test";
import { builtinNaming } from "../../src/config/builtin-naming.ts";
import type { Model } from "../../src/models/model.ts";
import { ModelDescriber } from "../../src/models/model-attributes.ts";
import { unifyModels } from "../../src/models/unify.ts";
import { parseProfile } from "../../src/profiles/load.ts";
import { ProfileSet } from "../../src/profiles/profile-set.ts";
import { profiles } from "./discovery-fixture.ts";

const describer = new ModelDescriber({ naming: builtinNaming(), profiles });
const contextOf = (model: Model, kind?: string) => describer.describe(model, kind).guessedContextLength;

const contexts: readonly (readonly [name: string, tokens: number | undefined, kind?: string])[] = [
  ["llama3", 8192],
  ["llama3:8b", 8192],
  ["llama3.1:8b", 131_072],
  ["meta-llama/Llama-3.1-8B-Instruct", 131_072],
  ["meta-llama/Llama-3.3-70B-Instruct", 131_072],
  ["meta-llama/Meta-Llama-3-8B", 8192],
  ["Llama-2-13b-chat", 4096],
  ["TinyLlama-1.1B-Chat-v1.0", 2048],
  ["DeepSeek-R1-Distill-Llama-8B", 131_072],
  ["mistral:7b", 32_768],
  ["mistral-small3.2:24b", 131_072],
  ["mistralai/Mixtral-8x22B-Instruct-v0.1", 65_536],
  ["Qwen/Qwen3-4B", 40_960],
  ["Qwen/Qwen3-30B-A3B-Instruct-2507", 262_144],
  ["Qwen2.5-7B-Instruct-1M", 1_000_000],
  ["gemma3", 131_072],
  ["gemma3:1b", 32_768],
  ["microsoft/Phi-3-mini-128k-instruct", 131_072],
  ["microsoft/Phi-3-mini-4k-instruct", 4096],
  ["phi3:mini", 131_072, "ollama"],
  ["phi3:mini", undefined, "vllm"],
  ["openai/gpt-4o-mini", 128_000, "litellm"],
  ["claude-sonnet-4-5", 200_000, "litellm"],
  ["gpt-oss:20b", 131_072],
  ["my-own-96k", 96_000],
  ["my-own", undefined],
];
for (const [name, tokens, kind] of contexts) {
  test(`${name}${kind === undefined ? "" : ` of ${kind}`} is guessed to hold ${tokens ?? "nobody knows what"}`, () => {
    expect(contextOf({ name }, kind)).toBe(tokens);
  });
}

test("what a backend says of its context leaves nothing to guess", () => {
  expect(contextOf({ name: "llama3.1:8b", maxContextLength: 2048 })).toBeUndefined();
  const list = (models: readonly Model[]) => ({
    endpointName: "a",
    backendType: "vllm",
    models,
    refreshedAt: 1,
  });
  const [guessed] = unifyModels([list([{ name: "llama3" }])], describer);
  expect([guessed?.maxContextLength, guessed?.guessedContextLength]).toEqual([undefined, 8192]);
  const [known] = unifyModels(
    [
      list([{ name: "llama3" }]),
      { ...list([{ name: "llama3", maxContextLength: 4096 }]), endpointName: "b" },
    ],
    describer,
  );
  expect([known?.maxContextLength, known?.guessedContextLength]).toEqual([4096, undefined]);
});

test("patterns tell what the table of names does not", () => {
  const capabilities = (name: string) => describer.describe({ name }).capabilities;
  expect(capabilities("openai/gpt-4o")).toEqual(expect.arrayContaining(["vision", "tools", "long-context"]));
  expect(describer.describe({ name: "claude-3-5-haiku" }).type).toBe("vlm");
  expect(capabilities("gpt-4o-transcribe")).not.toContain("vision");
  expect(capabilities("o3-mini")).toContain("reasoning");
  expect(capabilities("o3-mini")).not.toContain("vision");
  expect(capabilities("voyage-3")).toContain("embeddings");
  expect(capabilities("voyage-3")).not.toContain("text-generation");
});

test("patterns neither contradict the table nor what the backend says", () => {
  const yaml =
    "{name: own, models: {capability_patterns: {vision: ['*'], embeddings: ['*'], reranking: [ranker], chat: ['*']}, context_patterns: [{pattern: '*', context: 77}]}}";
  const problems: never[] = [];
  const own = parseProfile("own.yaml", yaml, problems);
  if (own === undefined) throw new Error("the profile is wrong");
  expect(problems).toEqual([]);
  const reader = new ModelDescriber({ naming: builtinNaming(), profiles: new ProfileSet([own]) });
  const embedder = reader.describe({ name: "nomic-embed-text" }, "own");
  expect(embedder.capabilities).not.toContain("vision");
  expect(reader.describe({ name: "x", type: "llm" }, "own").capabilities).not.toContain("vision");
  expect(reader.describe({ name: "x", statedSkills: { vision: false } }, "own").skills.vision).toBe("no");
  expect(reader.describe({ name: "ranker" }, "own").capabilities).toContain("rerank");
  expect(reader.describe({ name: "x" }, "own").guessedContextLength).toBe(77);
  expect(reader.describe({ name: "other" }, "vllm").guessedContextLength).toBeUndefined();
});

test("patterns of the wrong kind keep a profile out, with their position", () => {
  const problems: { path: string; message: string }[] = [];
  const yaml =
    "name: own\nmodels:\n  capability_patterns: {visoin: [x], vision: x}\n  context_patterns: [{pattern: x, context: 0}]";
  expect(parseProfile("own.yaml", yaml, problems as never)).toBeUndefined();
  expect(problems.map(({ path, message }) => `${path}: ${message}`)).toEqual([
    'models.capability_patterns.visoin: unknown key, did you mean "vision"?',
    expect.stringContaining("models.capability_patterns.vision: "),
    expect.stringContaining("models.context_patterns[0].context: expected tokens"),
  ]);
});
