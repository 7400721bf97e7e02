import { expect, test } from "bun:test";
import { builtinProfiles } from "./builtin.ts";
import { ProfileSet } from "./profile-set.ts";

const builtins = new ProfileSet(builtinProfiles());

test.each([
  ["ollama", "ollama"],
  ["OLLAMA", "ollama"],
  ["lmstudio", "lm-studio"],
  ["lm_studio", "lm-studio"],
  ["LM-Studio", "lm-studio"],
  ["vllm", "vllm"],
  ["dmr", "docker-model-runner"],
  ["llama.cpp", "llamacpp"],
  ["llama_cpp", "llamacpp"],
  ["VLLM_MLX", "vllm-mlx"],
  ["openai", "openai-compatible"],
  ["openai_compatible", "openai-compatible"],
])("the type %p means %p", (spelling, name) => {
  expect(builtins.byType(spelling)?.name).toBe(name);
});

test("an unknown type and auto are no profile", () => {
  expect(builtins.byType("olama")).toBeUndefined();
  expect(builtins.byType("auto")).toBeUndefined();
  expect(builtins.byType("")).toBeUndefined();
});

test("a route prefix finds its profile in any case, and a mere alias is no prefix", () => {
  expect(builtins.byPrefix("LM_Studio")?.name).toBe("lm-studio");
  expect(builtins.byPrefix("openai")?.name).toBe("openai-compatible");
  const [first] = builtinProfiles();
  if (first === undefined) throw new Error("no built-in profile");
  const set = new ProfileSet([{ ...first, aliases: ["nick"] }]);
  expect(set.byPrefix("nick")).toBeUndefined();
  expect(set.byType("nick")?.name).toBe(first.name);
});

test("every prefix is listed once, as written", () => {
  expect(builtins.prefixes()).toEqual([
    "ollama",
    "llamacpp",
    "lmstudio",
    "lm-studio",
    "lm_studio",
    "vllm",
    "omlx",
    "vllm-mlx",
    "sglang",
    "lmdeploy",
    "lemonade",
    "litellm",
    "dmr",
    "openai",
    "openai-compatible",
  ]);
  expect(builtins.contestedPrefixes()).toEqual([]);
});

test("the earlier profile keeps a contested prefix, and a name beats a prefix", () => {
  const [first, second] = builtinProfiles();
  if (first === undefined || second === undefined) throw new Error("too few built-in profiles");
  const set = new ProfileSet([
    { ...first, name: "one", prefixes: ["shared", "two"], aliases: [] },
    { ...second, name: "two", prefixes: ["shared", "own"], aliases: [] },
  ]);
  expect(set.byPrefix("shared")?.name).toBe("one");
  expect(set.byType("two")?.name).toBe("two");
  expect(set.prefixes()).toEqual(["shared", "two", "own"]);
  expect(set.contestedPrefixes()).toEqual([{ prefix: "shared", owner: "one", loser: "two" }]);
});
