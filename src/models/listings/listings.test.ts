import { describe, expect, test } from "bun:test";
import type { Profile } from "../../profiles/profile.ts";
import type { Model } from "../model.ts";
import { type EndpointModels, unifyModels } from "../unify.ts";
import { displayAge, displayBytes } from "./display-text.ts";
import { ownerOf } from "./listed-model.ts";
import { parseListingFormat } from "./listing-format.ts";
import { findModel, renderModelDetail } from "./model-detail.ts";
import { renderListing } from "./render-listing.ts";
import {
  backendTypesOf,
  type EndpointView,
  type ModelQuery,
  openaiBackendTypes,
  selectModels,
  selectProviderModels,
} from "./select-models.ts";

const startedAt = Date.UTC(2026, 0, 1);
const context = { processStartedAt: startedAt };
const seenAt = startedAt + 60_000;

const models = unifyModels([
  list("ollama-1", "ollama", [
    {
      name: "llama3:8b",
      type: "llm",
      digest: "d1",
      sizeBytes: 4_661_224_676,
      family: "llama",
      format: "gguf",
      parameterSize: "8.0B",
      quantization: "Q4_0",
      modifiedAt: startedAt - 5000,
    },
    { name: "llava:7b", type: "vlm", sizeBytes: 10, family: "llava" },
  ]),
  list("studio", "lm-studio", [
    {
      name: "Llama3:8B",
      type: "llm",
      state: "loaded",
      family: "llama",
      publisher: "meta",
      quantization: "Q8_0",
    },
    { name: "nomic-embed", type: "embeddings", state: "not-loaded" },
  ]),
  list("vllm-down", "vllm", [
    { name: "Qwen/Qwen2.5-7B", maxContextLength: 32_768, parentModel: "Qwen/base" },
  ]),
]);
const upView: EndpointView = {
  isRoutable: (name) => name !== "vllm-down",
  resolveName: (text) => (text === "http://127.0.0.1:1234" ? "studio" : text === "ghost" ? undefined : text),
};

test("where two servers of a kind have a model, the one that says its size describes it", () => {
  const twice = unifyModels([
    list("router", "llamacpp", [{ name: "tiny", state: "unloaded" }]),
    list("server", "llamacpp", [{ name: "tiny", sizeBytes: 359_680, parameterSize: "180K" }]),
  ]);
  expect(renderListing("ollama", twice, context)).toMatchObject({
    models: [{ size: 359_680, details: { parameter_size: "180K" } }],
  });
});

describe("selectModels", () => {
  const cases: readonly [query: ModelQuery, ids: readonly string[]][] = [
    [{}, ["llama3:8b", "llava:7b", "nomic-embed"]],
    [{ includeUnavailable: true }, ["Qwen/Qwen2.5-7B", "llama3:8b", "llava:7b", "nomic-embed"]],
    [{ endpoint: "studio" }, ["llama3:8b", "nomic-embed"]],
    [{ endpoint: "http://127.0.0.1:1234" }, ["llama3:8b", "nomic-embed"]],
    [{ endpoint: "ghost" }, []],
    [{ family: "llama" }, ["llama3:8b"]],
    [{ family: "LLAMA" }, []],
    [{ type: "embeddings" }, ["nomic-embed"]],
    [{ type: "vlm" }, ["llava:7b"]],
    [{ type: "constructor" }, []],
    [{ type: "vlm", capability: "Vector_Search" }, ["nomic-embed"]],
    [{ type: "vlm", capability: "juggling" }, ["llava:7b"]],
    [{ type: "vlm", capability: "constructor" }, ["llava:7b"]],
    [{ available: true }, ["llama3:8b", "llava:7b"]],
    [{ available: false }, ["nomic-embed"]],
    [{ available: false, includeUnavailable: true }, ["Qwen/Qwen2.5-7B", "nomic-embed"]],
    [{ format: "ollama" }, ["llama3:8b", "llava:7b"]],
    [{ format: "lmstudio", includeUnavailable: true }, ["llama3:8b", "nomic-embed"]],
  ];
  for (const [query, ids] of cases) {
    test(`${JSON.stringify(query)} selects ${ids.join(", ") || "nothing"}`, () => {
      expect(selectModels(models, query, upView).map((model) => model.id)).toEqual([...ids]);
    });
  }

  test("a model of unknown type that writes text counts as llm", () => {
    const plain = unifyModels([list("a", "vllm", [{ name: "plain" }])]);
    expect(selectModels(plain, { type: "llm" }, upView)).toHaveLength(1);
    expect(selectModels(plain, { type: "llm", available: true }, upView)).toHaveLength(1);
  });
});

describe("a provider's own list", () => {
  const profiles = [
    profile("ollama", true),
    profile("openai-compatible", true),
    profile("vllm", true),
    profile("odd", false),
  ];

  test("shows what its routable endpoints have, as they spell it", () => {
    const studio = selectProviderModels(models, new Set(["lm-studio"]), upView);
    expect(idsOf(renderListing("openai", studio, context))).toEqual(["Llama3:8B", "nomic-embed"]);
    const ollama = selectProviderModels(models, new Set(["ollama"]), upView);
    expect(idsOf(renderListing("openai", ollama, context))).toEqual(["llama3:8b", "llava:7b"]);
    expect(selectProviderModels(models, new Set(["vllm"]), upView)).toEqual([]);
  });

  test("openai-compatible leads to every kind that speaks it, others to themselves", () => {
    const [ollama, openai] = profiles;
    expect([...backendTypesOf(ollama as Profile, profiles)]).toEqual(["ollama"]);
    expect([...backendTypesOf(openai as Profile, profiles)].sort()).toEqual([
      "ollama",
      "openai-compatible",
      "vllm",
    ]);
    expect(openaiBackendTypes(profiles).has("odd")).toBe(false);
  });
});

describe("renderListing", () => {
  test("openai: one line for each name, an age that does not move", () => {
    expect(renderListing("openai", models, context)).toEqual({
      object: "list",
      data: [
        { id: "Qwen/Qwen2.5-7B", object: "model", created: startedAt / 1000, owned_by: "olla" },
        { id: "Llama3:8B", object: "model", created: startedAt / 1000, owned_by: "olla" },
        { id: "llava:7b", object: "model", created: startedAt / 1000, owned_by: "olla" },
        { id: "nomic-embed", object: "model", created: startedAt / 1000, owned_by: "olla" },
      ].sort((left, right) => (left.id < right.id ? -1 : 1)),
    });
  });

  test("ollama: every field that its clients read", () => {
    const selected = selectModels(models, { format: "ollama" }, upView);
    expect((renderListing("ollama", selected, context) as { models: object[] }).models[0]).toEqual({
      name: "llama3:8b",
      model: "llama3:8b",
      modified_at: new Date(startedAt - 5000).toISOString(),
      size: 4_661_224_676,
      digest: "d1",
      details: {
        parent_model: "",
        format: "gguf",
        family: "llama",
        families: ["llama"],
        parameter_size: "8.0B",
        quantization_level: "Q4_0",
      },
    });
  });

  test("lmstudio: the backend's own quantisation and state", () => {
    const selected = selectModels(models, { format: "lmstudio" }, upView);
    expect(renderListing("lmstudio", selected, context)).toEqual({
      object: "list",
      data: [
        {
          id: "Llama3:8B",
          object: "model",
          type: "llm",
          publisher: "meta",
          arch: "llama",
          quantization: "Q8_0",
          state: "loaded",
        },
        { id: "nomic-embed", object: "model", type: "embeddings", state: "not-loaded" },
      ],
    });
  });

  test("vllm: root, length, parent and a permission without slashes", () => {
    const [first] = (
      renderListing("vllm", models, context) as { data: Record<string, unknown>[] }
    ).data.filter((entry) => entry.id === "Qwen/Qwen2.5-7B");
    expect(first).toMatchObject({
      owned_by: "Qwen",
      root: "Qwen/Qwen2.5-7B",
      parent: "Qwen/base",
      max_model_len: 32_768,
      permission: [{ id: "modelperm-olla-Qwen-Qwen2.5-7B", organization: "*", group: null }],
    });
  });

  test("unified: empty texts are present, every endpoint is named with its state", () => {
    const [llama] = (
      renderListing("unified", models, context) as { data: { id: string; olla: object }[] }
    ).data.filter((entry) => entry.id === "llama3:8b");
    expect(llama?.olla).toMatchObject({
      family: "llama",
      variant: "3",
      parameter_size: "8b",
      quantization: "q4",
      aliases: ["llama3:8b", "Llama3:8B"],
      availability: [
        { endpoint: "ollama-1", state: "available" },
        { endpoint: "studio", state: "loaded" },
      ],
    });
  });

  test("no models give an empty list in every format", () => {
    for (const format of ["unified", "openai", "lmstudio", "vllm"] as const) {
      expect(renderListing(format, [], context)).toEqual({ object: "list", data: [] });
    }
    expect(renderListing("ollama", [], context)).toEqual({ models: [] });
  });

  test("only the formats that can be written are accepted by name", () => {
    expect(parseListingFormat("vllm")).toBe("vllm");
    expect(parseListingFormat("native")).toBeUndefined();
  });
});

describe("one model's detail", () => {
  test("is found by id, alias, any case, with slashes, and without its latest tag", () => {
    const tagged = unifyModels([list("a", "ollama", [{ name: "org/phi:latest", digest: "1" }])]);
    for (const name of ["org/phi:latest", "ORG/Phi:Latest", "org/phi"]) {
      expect(findModel(tagged, name)?.id).toBe("org/phi:latest");
    }
    expect(findModel(models, "LLAMA3:8B")?.id).toBe("llama3:8b");
    expect(findModel(models, "nobody")).toBeUndefined();
  });

  test("says where it is, where it is loaded, how big and how old the news is", () => {
    const model = findModel(models, "llama3:8b");
    if (model === undefined) throw new Error("no model");
    expect(renderModelDetail(model, seenAt + 125_000)).toEqual({
      id: "llama3:8b",
      family: "llama",
      variant: "3",
      parameter_size: "8b",
      parameter_count: 8e9,
      quantization: "q4",
      format: "gguf",
      total_disk_size: "4.34 GB",
      last_seen: "2m ago",
      aliases: ["llama3:8b", "Llama3:8B"],
      endpoints: ["ollama-1", "studio"],
      loaded_endpoints: ["studio"],
      capabilities: ["chat", "completion", "text-generation"],
    });
  });
});

describe("texts", () => {
  test("sizes and ages", () => {
    expect([0, 1023, 1024, 1536, 1024 ** 5 * 5000].map(displayBytes)).toEqual([
      "0 B",
      "1023 B",
      "1.00 KB",
      "1.50 KB",
      "5000.00 PB",
    ]);
    expect([-5, 59_999, 60_000, 3_599_000, 3_600_000, 90_000_000].map(displayAge)).toEqual([
      "0s ago",
      "59s ago",
      "1m ago",
      "59m ago",
      "1h ago",
      "1d ago",
    ]);
  });

  test("the owner is the organisation, else a known vendor's word, else the format", () => {
    expect(ownerOf("meta-llama/Llama-3", "vllm")).toBe("meta-llama");
    expect(ownerOf("mistralai-7b", "vllm")).toBe("mistralai");
    expect(ownerOf("llama-3", "vllm")).toBe("vllm");
    expect(ownerOf("/odd", "vllm")).toBe("vllm");
  });
});

function list(endpointName: string, backendType: string, listed: readonly Model[]): EndpointModels {
  return { endpointName, backendType, models: listed, refreshedAt: seenAt };
}

function idsOf(listing: object): string[] {
  return (listing as { data: { id: string }[] }).data.map((entry) => entry.id);
}

function profile(name: string, openaiCompatible: boolean): Profile {
  return {
    name,
    displayName: name,
    aliases: [],
    prefixes: [name],
    openaiBase: "/v1",
    openaiCompatible,
    healthCheckPath: "/",
    modelDiscoveryPath: "/v1/models",
    listFormat: "openai",
    paths: [],
    listings: [],
    unsupportedPaths: [],
    fleetAnswers: [],
    managementPaths: [],
    timeouts: {},
    maxConcurrentRequests: 1,
    defaultPorts: [],
    ownerMarks: [],
    headerMarks: [],
    probes: [],
  };
}
