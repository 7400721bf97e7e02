import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { builtinNaming } from "../../src/config/builtin-naming.ts";
import type { Model } from "../../src/models/model.ts";
import { ModelDescriber } from "../../src/models/model-attributes.ts";
import { type EndpointModels, unifyModels } from "../../src/models/unify.ts";

const table = await Bun.file(join(import.meta.dir, "../fixtures/model-names.txt")).text();
const rows = table
  .split("\n")
  .filter((line) => line !== "" && !line.startsWith("#"))
  .map((line) => line.split("|").map((cell) => cell.trim()));

/** The word of the table for each capability that it shows. */
const shown: Readonly<Record<string, string>> = {
  vision: "vision",
  tools: "tools",
  embeddings: "embeddings",
  code: "code",
  reasoning: "reasoning",
  rerank: "rerank",
  transcription: "transcription",
  speech: "speech",
  "text-generation": "text",
  "long-context": "long",
};

const describer = new ModelDescriber({ naming: builtinNaming() });

function reveal(name: string): string[] {
  const traits = describer.describe({ name });
  const capabilities = Object.keys(shown).filter((capability) => traits.capabilities.includes(capability));
  return [
    name,
    traits.family,
    traits.variant,
    traits.size.label,
    traits.quantization,
    capabilities.map((capability) => shown[capability]).join(" "),
  ];
}

describe("real names", () => {
  test("there are 200 of them at least, each once", () => {
    expect(rows.length).toBeGreaterThanOrEqual(200);
    expect(new Set(rows.map(([name]) => name)).size).toBe(rows.length);
  });

  for (const row of rows) {
    const [name = ""] = row;
    test(name, () => expect(reveal(name)).toEqual([...row, "", "", "", ""].slice(0, 6)));
  }
});

describe("family and variant as the specification has them", () => {
  const vectors: readonly [name: string, family: string, variant: string][] = [
    ["llama3.1:8b", "llama", "3.1"],
    ["meta-llama/Llama-3.1-8B-Instruct", "llama", "3.1"],
    ["mistral:7b", "mistral", "7b"],
    ["mixtral-8x7b-instruct", "mixtral", "8x7b-instruct"],
    ["deepseek-coder-v2:16b", "deepseek-coder-v2", ""],
    ["deepseek-r1:14b", "deepseek", "r1:14b"],
    ["moonshotai/Kimi-K2-Instruct", "kimi", ""],
    ["codellama:13b", "codellama", ""],
    ["gpt-oss:120b", "gpt-oss", "120b"],
    ["phi4:latest", "phi", "4"],
    ["microsoft/Phi-3-mini-4k", "phi", "3"],
    ["qwen2.5-coder:7b", "qwen", "2.5"],
    ["devstral:24b", "devstral", "24b"],
    ["granite3.3:8b", "granite", "3.3"],
    ["ai/smollm2", "smollm", "2"],
    ["glm-4.6", "glm", "4.6"],
    ["gpt-4o", "gpt", ""],
    ["nomic-embed-text:latest", "", ""],
    // Nothing, says the specification: the reference does not look behind the publisher. The catalog is to be right.
    ["openai/gpt-oss-20b", "gpt-oss", "20b"],
  ];
  for (const [name, family, variant] of vectors) {
    test(`${name} is ${family || "unknown"} ${variant}`, () => {
      expect(reveal(name).slice(1, 3)).toEqual([family, variant]);
    });
  }
});

describe("what the backend says comes first", () => {
  const cases: readonly [model: Model, has: readonly string[], hasNot: readonly string[]][] = [
    [{ name: "llava:7b", type: "llm" }, ["text-generation"], ["vision"]],
    [{ name: "plain", type: "vlm" }, ["vision", "text-generation"], []],
    [{ name: "plain", type: "embeddings" }, ["embeddings"], ["text-generation"]],
    [{ name: "bge-reranker", type: "embeddings" }, ["rerank"], ["text-generation"]],
    [{ name: "qwen3:8b", capabilities: ["completion"] }, ["completion"], ["tools"]],
    [{ name: "plain", capabilities: ["tool_use", "thinking"] }, ["tools", "tool_use", "reasoning"], []],
    [{ name: "phi-3-mini-128k", maxContextLength: 4096 }, [], ["long-context", "extended-context"]],
    [{ name: "plain", maxContextLength: 1_000_000 }, ["ultra-long-context", "long-context"], []],
    [{ name: "plain", maxContextLength: 32_000 }, ["extended-context"], ["long-context"]],
  ];
  for (const [model, has, hasNot] of cases) {
    test(JSON.stringify(model), () => {
      const { capabilities } = describer.describe(model);
      expect(has.filter((capability) => !capabilities.includes(capability))).toEqual([]);
      expect(hasNot.filter((capability) => capabilities.includes(capability))).toEqual([]);
    });
  }

  test("the publisher comes from the name, else from the family", () => {
    const publisherOf = (name: string) => describer.describe({ name }).publisher;
    expect(publisherOf("hf.co/bartowski/Llama-3.2-3B-Instruct-GGUF:Q4_K_M")).toBe("bartowski");
    expect(publisherOf("gpt-oss:20b")).toBe("openai");
    expect(publisherOf("models/qwen2.5-7b.gguf")).toBe("alibaba");
    expect(publisherOf("my-own")).toBe("");
  });
});

test("eight times the models take no more than twenty times as long to merge, names never seen before", () => {
  const bases = rows.map(([name = ""]) => name);
  const listsOf = (models: number) =>
    Array.from(
      { length: 4 },
      (_, index): EndpointModels => ({
        endpointName: `e${index}`,
        backendType: "ollama",
        refreshedAt: 1000,
        models: Array.from({ length: models / 4 }, (__, place) => ({
          name: `${bases[(place * 7 + index) % bases.length]}-${index}-${place}`,
        })),
      }),
    );
  const secondsFor = (models: number) => {
    const lists = listsOf(models);
    const describer = new ModelDescriber({ naming: builtinNaming() });
    const before = process.cpuUsage();
    expect(unifyModels(lists, describer)).toHaveLength(models);
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1e6;
  };
  const shortest = (models: number) => Math.min(...Array.from({ length: 3 }, () => secondsFor(models)));
  // Once before, because nothing is compiled yet.
  secondsFor(2_000);
  expect(shortest(2_000) / shortest(248)).toBeLessThan(20);
});
