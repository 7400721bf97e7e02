import { expect, test } from "bun:test";
import type { ListFormat } from "../../profiles/profile.ts";
import type { StatedSkills } from "../model.ts";
import { parseModelList } from "./parse-model-list.ts";

const lists: readonly (readonly [behaviour: string, ListFormat, list: object, StatedSkills | undefined])[] = [
  [
    "Ollama's list of capabilities is all that a model can do, but for embeddings",
    "ollama",
    { models: [{ name: "a", capabilities: ["completion", "tools"] }] },
    { vision: false, tools: true },
  ],
  [
    "an Ollama model that only embeds does nothing else",
    "ollama",
    { models: [{ name: "a", capabilities: ["embedding"] }] },
    { vision: false, tools: false, embeddings: true },
  ],
  ["an Ollama that is too old to say says nothing", "ollama", { models: [{ name: "a" }] }, undefined],
  [
    "LM Studio's types say what sees and what embeds; any model may take tools",
    "lmstudio",
    { data: [{ id: "a", type: "llm" }] },
    { vision: false, embeddings: false },
  ],
  [
    "LM Studio's tool_use is a yes",
    "lmstudio",
    { data: [{ id: "a", type: "vlm", capabilities: ["tool_use"] }] },
    { vision: true, embeddings: false, tools: true },
  ],
  [
    "an embedding model of LM Studio takes neither images nor tools",
    "lmstudio",
    { data: [{ id: "a", type: "embeddings" }] },
    { vision: false, embeddings: true, tools: false },
  ],
  [
    "Lemonade's labels say yes, and what they leave out is open",
    "lemonade",
    { data: [{ id: "a", labels: ["tool-calling", "hot"] }] },
    { tools: true },
  ],
  ["labels that say nothing say nothing", "lemonade", { data: [{ id: "a", labels: ["hot"] }] }, undefined],
  [
    "llama-server's second list tells of images",
    "llamacpp",
    { data: [{ id: "a" }], models: [{ name: "a", capabilities: ["completion", "multimodal"] }] },
    { vision: true },
  ],
  [
    "modalities are better than that",
    "llamacpp",
    {
      data: [{ id: "a", architecture: { input_modalities: ["text", "audio"] } }],
      models: [{ name: "a", capabilities: ["multimodal"] }],
    },
    { vision: false },
  ],
  [
    "modalities count in OpenAI's list too",
    "openai",
    { data: [{ id: "a", architecture: { input_modalities: ["text", "image"] } }] },
    { vision: true },
  ],
  ["vLLM says nothing", "vllm", { data: [{ id: "llava" }] }, undefined],
];

for (const [behaviour, format, list, expected] of lists) {
  test(behaviour, () => {
    const { models } = parseModelList(format, new TextEncoder().encode(JSON.stringify(list)));
    expect(models[0]?.statedSkills).toEqual(expected as StatedSkills);
  });
}
