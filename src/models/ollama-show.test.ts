import { describe, expect, test } from "bun:test";
import { createFakeClock } from "../../test/support/fake-clock.ts";
import { ModelCatalog } from "./catalog.ts";
import type { Model } from "./model.ts";
import { ollamaCapabilities, renderOllamaShow } from "./ollama-show.ts";
import type { ModelSource, UnifiedModel } from "./unified-model.ts";

function catalogOf(...models: readonly Model[]): UnifiedModel {
  const catalog = new ModelCatalog({
    clock: createFakeClock(),
    staleAfterMs: 3_600_000,
    cleanupIntervalMs: 60_000,
  });
  for (const [index, model] of models.entries()) catalog.replaceModels(`e${index}`, "vllm", [model]);
  const [unified] = catalog.unified();
  if (unified === undefined) throw new Error("the catalog is empty");
  return unified;
}

function sourcesOf({ sources }: UnifiedModel): readonly [ModelSource, ...ModelSource[]] {
  const [first, ...others] = sources;
  if (first === undefined) throw new Error("a model without a source");
  return [first, ...others];
}

function show(...models: readonly Model[]): object {
  const model = catalogOf(...models);
  return renderOllamaShow({ name: model.id, model, sources: sourcesOf(model) }, Date.UTC(2026, 0, 1));
}

describe("what is shown of a model", () => {
  test("has every member that clients read, out of what the backend said", () => {
    const answer = show({
      name: "Qwen/Qwen3-8B",
      family: "qwen3",
      format: "safetensors",
      parameterSize: "8B",
      quantization: "BF16",
      maxContextLength: 40_960,
      modifiedAt: Date.UTC(2026, 4, 1),
    });
    expect(answer).toEqual({
      modelfile: "",
      parameters: "",
      template: "",
      details: {
        parent_model: "",
        format: "safetensors",
        family: "qwen3",
        families: ["qwen3"],
        parameter_size: "8B",
        quantization_level: "BF16",
      },
      model_info: {
        "general.architecture": "qwen3",
        "general.basename": "Qwen/Qwen3-8B",
        "general.parameter_count": 8_000_000_000,
        "qwen3.context_length": 40_960,
      },
      capabilities: ["completion", "tools"],
      modified_at: "2026-05-01T00:00:00.000Z",
    });
  });

  test("of which nothing is known has an architecture, a name, and no invented numbers", () => {
    expect(show({ name: "mystery" })).toMatchObject({
      model_info: { "general.architecture": "unknown", "general.basename": "mystery" },
      modified_at: "2026-01-01T00:00:00.000Z",
    });
  });

  test("promises the context that every place of it has", () => {
    const answer = show(
      { name: "qwen3", family: "qwen3", maxContextLength: 32_768 },
      { name: "qwen3", family: "qwen3", maxContextLength: 8_192 },
    );
    expect(answer).toMatchObject({ model_info: { "qwen3.context_length": 8_192 } });
  });
});

describe("in Ollama's words", () => {
  test.each<[string, Model, string[]]>([
    ["a plain model chats, and is taken to call tools", { name: "some-chat" }, ["completion", "tools"]],
    [
      "one whose backend denies tools has none",
      { name: "some-chat", statedSkills: { tools: false } },
      ["completion"],
    ],
    ["a vlm sees", { name: "picture", type: "vlm" }, ["completion", "tools", "vision"]],
    ["one that embeds does not chat", { name: "nomic-embed-text", type: "embeddings" }, ["embedding"]],
    ["one that thinks", { name: "qwq-32b" }, ["completion", "tools", "thinking"]],
    ["one that only ranks can do nothing that Ollama has a word for", { name: "bge-reranker-v2-m3" }, []],
    [
      "one that fills in the middle",
      { name: "coder", capabilities: ["completion", "insert"] },
      ["completion", "tools", "insert"],
    ],
  ])("%s", (_case, model, expected) => {
    expect(ollamaCapabilities(sourcesOf(catalogOf(model)))).toEqual(expected);
  });
});
