import { expect, test } from "bun:test";
import { listFormats } from "../../profiles/profile.ts";
import type { Model } from "../model.ts";
import { unifyModels } from "../unify.ts";
import { listingFormats, parseListingFormat } from "./listing-format.ts";
import { renderListing } from "./render-listing.ts";

const startedAt = Date.UTC(2026, 0, 1);
const context = { processStartedAt: startedAt };
const created = startedAt / 1000;

function renderAs(format: (typeof listFormats)[number], backendType: string, model: Model): unknown {
  const models = unifyModels([{ endpointName: "box", backendType, models: [model], refreshedAt: startedAt }]);
  return (renderListing(format, models, context) as { data: unknown[] }).data[0];
}

const vision: Model = {
  name: "Qwen/Qwen2.5-VL-7B",
  type: "vlm",
  parentModel: "Qwen/base",
  maxContextLength: 32_768,
  capabilities: ["vision"],
  nativeFields: { radix_cache_size: 4096 },
  nativeFormat: "sglang",
};
const plain: Model = { name: "tiny" };

test("there are eleven formats, and each is accepted by name", () => {
  expect(listingFormats).toHaveLength(11);
  for (const format of listingFormats) expect(parseListingFormat(format)).toBe(format);
});

test("sglang: root, parent, length, vision and its own flags", () => {
  expect(renderAs("sglang", "sglang", vision)).toEqual({
    radix_cache_size: 4096,
    id: "Qwen/Qwen2.5-VL-7B",
    object: "model",
    created,
    owned_by: "Qwen",
    root: "Qwen/Qwen2.5-VL-7B",
    parent: "Qwen/base",
    max_model_len: 32_768,
    supports_vision: true,
  });
  expect(renderAs("sglang", "vllm", plain)).toEqual({
    id: "tiny",
    object: "model",
    created,
    owned_by: "sglang",
    root: "tiny",
  });
});

test("lmdeploy: a permission, but neither root nor length", () => {
  const entry = renderAs("lmdeploy", "sglang", vision);
  expect(entry).toMatchObject({
    parent: "Qwen/base",
    permission: [{ id: "modelperm-olla-Qwen-Qwen2.5-VL-7B" }],
  });
  expect(entry).not.toHaveProperty("root");
  expect(entry).not.toHaveProperty("max_model_len");
});

test("what one kind said of a model is not shown in the lists of another", () => {
  for (const format of ["vllm", "lmdeploy", "llamacpp", "lemonade", "openai"] as const) {
    expect(renderAs(format, "sglang", vision)).not.toHaveProperty("radix_cache_size");
  }
});

test("vllm-mlx, llamacpp and docker-model-runner: OpenAI's members and their own name as owner", () => {
  for (const [format, owner] of [
    ["vllm-mlx", "vllm-mlx"],
    ["llamacpp", "llamacpp"],
    ["docker-model-runner", "docker"],
  ] as const) {
    expect(renderAs(format, "ollama", plain)).toEqual({
      id: "tiny",
      object: "model",
      created,
      owned_by: owner,
    });
  }
});

test("lemonade: where it comes from, what runs it, and whether it is there", () => {
  const model: Model = { name: "a", checkpoint: "org/a", recipe: "oga-cpu", state: "available" };
  expect(renderAs("lemonade", "lemonade", model)).toEqual({
    id: "a",
    object: "model",
    created,
    owned_by: "lemonade",
    checkpoint: "org/a",
    recipe: "oga-cpu",
    downloaded: true,
  });
  expect(renderAs("lemonade", "ollama", plain)).toMatchObject({
    checkpoint: "",
    recipe: "",
    downloaded: false,
  });
});

test("a backend's own members never replace what we say", () => {
  const model: Model = {
    name: "a",
    nativeFields: { id: "b", owned_by: "b", created: 1 },
    nativeFormat: "vllm",
  };
  expect(renderAs("vllm", "vllm", model)).toMatchObject({ id: "a", owned_by: "vllm", created });
});

test("no models give an empty list in every format", () => {
  for (const format of listFormats) {
    const empty = format === "ollama" ? { models: [] } : { object: "list", data: [] };
    expect(renderListing(format, [], context)).toEqual(empty);
  }
});
