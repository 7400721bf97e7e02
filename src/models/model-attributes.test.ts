import { describe, expect, test } from "bun:test";
import { builtinNaming } from "../config/builtin-naming.ts";
import type { Model } from "./model.ts";
import {
  labelQuantization,
  ModelDescriber,
  type ModelTraits,
  parseParameterSize,
  shortenQuantization,
} from "./model-attributes.ts";

const table = builtinNaming();
const describer = new ModelDescriber({ naming: table });

function familyOf(model: Model): { family: string; variant: string } {
  const { family, variant } = describer.describe(model);
  return { family, variant };
}

function capabilitiesOf(model: Model): readonly string[] {
  return describer.describe(model).capabilities;
}

describe("parseParameterSize", () => {
  const cases: readonly [text: string, label: string, count: number][] = [
    ["70.6B", "70.6b", 70_600_000_000],
    ["3.21B", "3.2b", 3_210_000_000],
    ["8B", "8b", 8_000_000_000],
    ["8", "8b", 8_000_000_000],
    ["137M", "137m", 137_000_000],
    ["1500 m", "1.5b", 1_500_000_000],
    ["180K", "180k", 180_000],
    ["8x7B", "8x7B", 0],
    ["", "", 0],
  ];
  for (const [text, label, count] of cases) {
    test(`${JSON.stringify(text)} is ${JSON.stringify(label)}`, () => {
      expect(parseParameterSize(text)).toEqual({ label, count });
    });
  }
});

describe("quantisation", () => {
  const cases: readonly [label: string, short: string][] = [
    ["Q4_K_M", "q4km"],
    ["q4_k_s", "q4ks"],
    ["Q8_0", "q8"],
    ["Q7_K_M", "q7km"],
    ["Q4_2", "q4_2"],
    ["IQ3_XS", "q3"],
    ["FP16", "f16"],
    ["fp8", "f8"],
    ["INT3", "int3"],
    ["MXFP4", "mxfp4"],
    ["4bit", "4bit"],
  ];
  for (const [label, short] of cases) {
    test(`${label} is ${short} for short`, () => expect(shortenQuantization(label, table)).toBe(short));
  }

  test("the short form of a common label can be written out again", () => {
    for (const label of ["Q4_K_M", "Q5_K_S", "Q6_K", "Q8_0", "Q4_0", "F16", "BF16"]) {
      expect(labelQuantization(shortenQuantization(label, table))).toBe(label);
    }
    expect(labelQuantization("awq4")).toBe("awq4");
  });
});

describe("familyOf", () => {
  const cases: readonly [name: string, family: string, variant: string][] = [
    ["llama3.1:8b", "llama", "3.1"],
    ["meta-llama/Llama-3.1-8B-Instruct", "llama", "3.1"],
    ["mistral:7b", "mistral", "7b"],
    ["phi4:latest", "phi", "4"],
    ["microsoft/Phi-3-mini-4k", "phi", "3"],
    ["qwen2.5-coder:7b", "qwen", "2.5"],
    ["codellama:13b", "codellama", ""],
    ["ai/smollm2", "smollm", "2"],
    ["nomic-embed-text:latest", "", ""],
  ];
  for (const [name, family, variant] of cases) {
    test(`${name} is ${family || "unknown"} ${variant}`, () => {
      expect(familyOf({ name })).toEqual({ family, variant });
    });
  }

  test("what the backend says comes before the name", () => {
    expect(familyOf({ name: "llama3:8b", family: "mllama" })).toEqual({ family: "mllama", variant: "3" });
    expect(familyOf({ name: "x", families: ["qwen2", "clip"] })).toEqual({ family: "qwen", variant: "" });
    expect(familyOf({ name: "model", family: "qwen2" })).toEqual({ family: "qwen", variant: "2" });
    expect(familyOf({ name: "qwen2.5:7b", family: "qwen2" })).toEqual({ family: "qwen", variant: "2.5" });
    expect(familyOf({ name: "deepseek-r1:14b", family: "qwen2" })).toEqual({ family: "qwen", variant: "" });
    expect(familyOf({ name: "kimi-k2:1t", family: "deepseek2" })).toEqual({ family: "kimi", variant: "" });
    expect(familyOf({ name: "embedder", family: "nomic-bert" })).toEqual({
      family: "nomic-bert",
      variant: "",
    });
  });
});

describe("what a model can do", () => {
  test("an embedding model does not write text", () => {
    expect(capabilitiesOf({ name: "nomic-embed-text", type: "embeddings" })).toEqual([
      "embeddings",
      "similarity",
      "vector-search",
    ]);
    expect(describer.describe({ name: "nomic-embed-text:latest" }).type).toBe("embeddings");
  });

  test("the backend's type beats the name", () => {
    expect(describer.describe({ name: "tiny-embed:latest", type: "llm" }).type).toBe("llm");
    expect(capabilitiesOf({ name: "tiny-embed:latest", type: "llm" })).not.toContain("embeddings");
  });

  test("names, context length and the backend's own list add to it", () => {
    const found = capabilitiesOf({
      name: "deepseek-coder-instruct",
      maxContextLength: 131_072,
      capabilities: ["tools"],
    });
    for (const capability of ["code-generation", "instruction-following", "chat", "long-context", "tools"]) {
      expect(found).toContain(capability);
    }
    expect(found).not.toContain("ultra-long-context");
    expect([...found].sort()).toEqual([...found]);
  });

  test("the publisher is the backend's word, else the name's first part", () => {
    expect(describer.describe({ name: "a/b", publisher: "c" }).publisher).toBe("c");
    expect(describer.describe({ name: "Qwen/Qwen2.5-7B" }).publisher).toBe("Qwen");
    expect(describer.describe({ name: "/odd" }).publisher).toBe("");
  });
});

describe("what is known of vision, tools and embeddings", () => {
  const cases: readonly (readonly [string, Model, Partial<ModelTraits["skills"]>])[] = [
    ["a name says yes", { name: "llava:7b" }, { vision: "yes", tools: "unknown", embeddings: "unknown" }],
    [
      "a name never says no",
      { name: "phi-2" },
      { vision: "unknown", tools: "unknown", embeddings: "unknown" },
    ],
    [
      "what the backend says beats the name",
      { name: "llava-qwen3", statedSkills: { vision: false, tools: false } },
      { vision: "no", tools: "no" },
    ],
    ["a type says yes", { name: "x", type: "embeddings" }, { embeddings: "yes" }],
    ["a backend's word for tools is ours", { name: "x", capabilities: ["tool_use"] }, { tools: "yes" }],
    ["another word is no denial", { name: "x", capabilities: ["hot"] }, { tools: "unknown" }],
  ];
  for (const [behaviour, model, expected] of cases) {
    test(behaviour, () => {
      expect(describer.describe(model).skills).toMatchObject(expected);
    });
  }

  test("a name is not shown as a capability that the backend denies", () => {
    const denied = { name: "llava:7b", statedSkills: { vision: false } };
    expect(capabilitiesOf(denied)).not.toContain("vision");
  });
});
