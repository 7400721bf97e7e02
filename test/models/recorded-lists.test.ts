import { describe, expect, test } from "bun:test";
import { ModelCatalog } from "../../src/models/catalog.ts";
import { parseModelList } from "../../src/models/list-parsers/parse-model-list.ts";
import type { ListingFormat } from "../../src/models/listings/listing-format.ts";
import { renderListing } from "../../src/models/listings/render-listing.ts";
import { type EndpointView, selectModels } from "../../src/models/listings/select-models.ts";
import type { Model } from "../../src/models/model.ts";
import { type ListFormat, listFormats } from "../../src/profiles/profile.ts";
import { createFakeClock } from "../support/fake-clock.ts";
import { readWireBody } from "./wire-fixture.ts";

const processStartedAt = Date.UTC(2026, 0, 1);
const everythingUp: EndpointView = { isRoutable: () => true, resolveName: (name) => name };

interface Recording {
  readonly path: string;
  readonly format: ListFormat;
  readonly backendType: string;
  readonly names: readonly string[];
  readonly first: Model;
}

const tinyMeta = {
  vocab_type: 1,
  n_vocab: 824,
  n_ctx: 4096,
  n_ctx_train: 8192,
  n_embd: 64,
  n_params: 179_520,
  size: 359_680,
  ftype: "F16",
};

const recordings: readonly Recording[] = [
  {
    path: "ollama-0.32.15/get-api-tags.http",
    format: "ollama",
    backendType: "ollama",
    names: ["tiny-embed:latest", "tiny-tools:latest", "tiny:latest", "tiny-b:latest"],
    first: {
      name: "tiny-embed:latest",
      type: "llm",
      sizeBytes: 380_933,
      digest: "2310dd6afe87659cc2edb4cf77c75467dab9ed1d8967cb4d6bb00e5ae3ead501",
      modifiedAt: Date.parse("2026-11-20T20:50:12.141Z"),
      capabilities: ["completion"],
      statedSkills: { vision: false, tools: false },
      family: "llama",
      families: ["llama"],
      format: "gguf",
      parameterSize: "180K",
      quantization: "F16",
      maxContextLength: 8192,
      nativeFields: { details: { embedding_length: 64 } },
    },
  },
  {
    path: "ollama-0.32.15/get-v1-models.http",
    format: "openai",
    backendType: "openai-compatible",
    names: ["tiny-embed:latest", "tiny:latest", "tiny-b:latest", "tiny-tools:latest"],
    first: { name: "tiny-embed:latest", publisher: "library", modifiedAt: 1_795_207_812_000 },
  },
  {
    path: "llama-server-b10488/get-v1-models.http",
    format: "openai",
    backendType: "openai-compatible",
    names: ["tiny"],
    first: {
      name: "tiny",
      sizeBytes: 359_680,
      format: "gguf",
      parameterSize: "180K",
      quantization: "F16",
      maxContextLength: 8192,
      nativeFields: { aliases: ["tiny"], tags: [], meta: tinyMeta },
    },
  },
  {
    path: "llama-server-b10488-router/get-v1-models.http",
    format: "openai",
    backendType: "openai-compatible",
    names: ["tiny-a", "tiny-tools"],
    first: {
      name: "tiny-a",
      statedSkills: { vision: false },
      sizeBytes: 359_680,
      format: "gguf",
      state: "loaded",
      parameterSize: "180K",
      quantization: "F16",
      maxContextLength: 8192,
      nativeFields: {
        aliases: [],
        tags: [],
        architecture: { input_modalities: ["text"], output_modalities: ["text"] },
        source: "models_dir",
        can_remove: false,
        meta: tinyMeta,
      },
    },
  },
  {
    path: "llama-server-b10488/get-v1-models.http",
    format: "llamacpp",
    backendType: "llamacpp",
    names: ["tiny"],
    first: {
      name: "tiny",
      sizeBytes: 359_680,
      format: "gguf",
      parameterSize: "180K",
      quantization: "F16",
      maxContextLength: 8192,
      statedSkills: { vision: false },
      nativeFields: {
        aliases: ["tiny"],
        tags: [],
        meta: tinyMeta,
      },
    },
  },
  ...(["get-v1-models", "get-v1-models-embeddings-on"] as const).map((file): Recording => {
    const name = file === "get-v1-models" ? "tiny" : "tiny-embed";
    // Newer: the modalities beside `meta`, as only the router had them.
    return {
      path: `llama-server-pypi-11434.0.0/${file}.http`,
      format: "llamacpp",
      backendType: "llamacpp",
      names: [name],
      first: {
        name,
        sizeBytes: 359_680,
        format: "gguf",
        parameterSize: "180K",
        quantization: "F16",
        maxContextLength: 8192,
        statedSkills: { vision: false },
        nativeFields: {
          aliases: [name],
          tags: [],
          architecture: { input_modalities: ["text"], output_modalities: ["text"] },
          meta: { ...tinyMeta, n_ctx: 8192 },
        },
      },
    };
  }),
  {
    path: "sglang-handmade/get-v1-models.http",
    format: "sglang",
    backendType: "sglang",
    names: ["Qwen/Qwen2.5-VL-7B-Instruct", "my-lora"],
    first: {
      name: "Qwen/Qwen2.5-VL-7B-Instruct",
      type: "vlm",
      capabilities: ["vision"],
      statedSkills: { vision: true },
      maxContextLength: 128_000,
      nativeFields: { supports_vision: true, radix_cache_size: 4096, spec_decoding: true },
    },
  },
  {
    path: "lmdeploy-handmade/get-v1-models.http",
    format: "lmdeploy",
    backendType: "lmdeploy",
    names: ["internlm/internlm2_5-7b-chat"],
    first: { name: "internlm/internlm2_5-7b-chat" },
  },
  {
    path: "vllm-mlx-handmade/get-v1-models.http",
    format: "vllm-mlx",
    backendType: "vllm-mlx",
    names: ["mlx-community/Llama-3.2-3B-Instruct-4bit"],
    first: { name: "mlx-community/Llama-3.2-3B-Instruct-4bit", format: "mlx" },
  },
  {
    path: "docker-model-runner-handmade/get-engines-v1-models.http",
    format: "docker-model-runner",
    backendType: "docker-model-runner",
    names: ["ai/smollm2", "ai/mxbai-embed-large"],
    first: { name: "ai/smollm2", format: "gguf", modifiedAt: 1_742_816_981_000 },
  },
  {
    path: "lemonade-handmade/get-api-v1-models.http",
    format: "lemonade",
    backendType: "lemonade",
    names: ["Qwen2.5-0.5B-Instruct-CPU", "Gemma-3-4b-it-GGUF", "nomic-embed-text-v2-moe-GGUF"],
    first: {
      name: "Qwen2.5-0.5B-Instruct-CPU",
      publisher: "amd",
      format: "onnx",
      state: "available",
      capabilities: ["reasoning"],
      checkpoint: "amd/Qwen2.5-0.5B-Instruct-quantized_int4-float16-cpu-onnx",
      recipe: "oga-cpu",
      nativeFields: { suggested: true, labels: ["reasoning"], size: 0.77 },
    },
  },
  {
    path: "omlx-handmade/get-v1-models.http",
    format: "openai",
    backendType: "omlx",
    names: ["Qwen3-30B-A3B-4bit", "bge-m3-mlx"],
    first: { name: "Qwen3-30B-A3B-4bit", maxContextLength: 32_768, nativeFields: { max_model_len: 32_768 } },
  },
  {
    path: "litellm-handmade/get-v1-models.http",
    format: "openai",
    backendType: "litellm",
    names: ["gpt-4o", "anthropic/claude-3-5-sonnet"],
    first: { name: "gpt-4o", publisher: "openai", modifiedAt: 1_677_610_602_000 },
  },
  {
    path: "llama-cpp-python-0.3.36/get-v1-models.http",
    format: "openai",
    backendType: "openai-compatible",
    names: ["tiny", "tiny-embed"],
    first: { name: "tiny", publisher: "me" },
  },
  {
    path: "vllm-handmade/get-v1-models.http",
    format: "vllm",
    backendType: "vllm",
    names: ["Qwen/Qwen2.5-7B-Instruct", "sql-lora"],
    first: { name: "Qwen/Qwen2.5-7B-Instruct", maxContextLength: 32_768 },
  },
  {
    path: "lm-studio-handmade/get-api-v0-models.http",
    format: "lmstudio",
    backendType: "lm-studio",
    names: ["qwen2-vl-7b-instruct", "meta-llama-3.1-8b-instruct", "text-embedding-nomic-embed-text-v1.5"],
    first: {
      name: "qwen2-vl-7b-instruct",
      type: "vlm",
      statedSkills: { vision: true, embeddings: false },
      publisher: "mlx-community",
      parentModel: "mlx-community",
      family: "qwen2_vl",
      families: ["qwen2_vl"],
      format: "mlx",
      quantization: "4bit",
      state: "not-loaded",
      maxContextLength: 32_768,
    },
  },
];

type Wire = Readonly<Record<string, unknown>>;

/** What a list of ours says of itself, of its own time, or leaves out because it may be a secret. */
const writtenAnew: ReadonlySet<string> = new Set([
  "created",
  "owned_by",
  "root",
  "permission",
  "permissions",
  "status",
  "modified_at",
]);

/** Lists that say all of what the parser reads; the owner is what the name says, so it may differ. */
const ownLists: ReadonlySet<ListFormat> = new Set([
  "vllm",
  "vllm-mlx",
  "sglang",
  "lmdeploy",
  "llamacpp",
  "lemonade",
  "docker-model-runner",
]);

describe("a list as a backend answers it", () => {
  for (const recording of recordings) {
    test(`${recording.path} parses to its models as ${recording.format}`, async () => {
      const { models } = parseModelList(recording.format, await readWireBody(recording.path));
      expect(models.map((model) => model.name)).toEqual([...recording.names]);
      const { first, format } = recording;
      expect(models[0]).toEqual(first.nativeFields ? { ...first, nativeFormat: format } : first);
    });

    for (const format of listFormats) {
      const isNative =
        (format !== "ollama" && format !== "lmstudio") || recording.backendType.replace("-", "") === format;
      test(`${recording.path} as ${recording.format} is listed ${isNative ? "with every name" : "without names"} as ${format}`, async () => {
        const listed = await listAs(format, recording);
        const wanted = isNative ? [...recording.names].sort() : [];
        expect(parseModelList(format, encode(listed)).models.map((model) => model.name)).toEqual(wanted);
      });
    }
  }

  test("an Ollama list comes back from us with what Ollama said of each model", async () => {
    const body = await readWireBody("ollama-0.32.15/get-api-tags.http");
    const parsed = parseModelList("ollama", body).models;
    const ours = parseModelList("ollama", encode(await listAs("ollama", recordings[0] as Recording))).models;
    expect(ours).toEqual([...parsed].sort((left, right) => (left.name < right.name ? -1 : 1)));
  });

  for (const recording of recordings) {
    test(`${recording.path} comes back from us with every member that ${recording.format} knows`, async () => {
      const { entries } = parseModelList(recording.format, await readWireBody(recording.path));
      const listed = parseModelList(
        recording.format,
        encode(await listAs(recording.format, recording)),
      ).entries;
      const keyOf = ({ id, name }: Wire) => String(id ?? name);
      const ours = new Map((listed as Wire[]).map((entry) => [keyOf(entry), entry]));
      for (const entry of entries as Wire[]) {
        const said = Object.entries(entry).filter(
          ([member, value]) => value !== null && !writtenAnew.has(member),
        );
        expect(ours.get(keyOf(entry))).toMatchObject(Object.fromEntries(said));
      }
    });
  }

  for (const recording of recordings.filter(({ format }) => ownLists.has(format))) {
    test(`${recording.path} comes back from us with what ${recording.format} said of each model`, async () => {
      const parsed = parseModelList(recording.format, await readWireBody(recording.path)).models;
      const ours = parseModelList(recording.format, encode(await listAs(recording.format, recording))).models;
      const byName = (left: Model, right: Model) => (left.name < right.name ? -1 : 1);
      // llama-server tells by its second list what we tell as its router does.
      const withoutOwner = ({ publisher: _publisher, nativeFields, ...model }: Model) => {
        const { architecture: _architecture, ...fields } = nativeFields ?? {};
        return { ...model, fields };
      };
      expect(ours.map(withoutOwner)).toEqual(parsed.toSorted(byName).map(withoutOwner));
    });
  }

  test("a command line in the router's status, which may hold a key, is not kept", async () => {
    const path = "llama-server-b10488-router/get-v1-models.http";
    const { models } = parseModelList("llamacpp", await readWireBody(path));
    expect(models.map(({ state }) => state)).toEqual(["loaded", "unloaded"]);
    expect(JSON.stringify(models)).not.toContain("--port");
  });

  test("the unified list has one entry for a file that has two names, and names both", async () => {
    const listed = (await listAs("unified", recordings[0] as Recording)) as {
      data: { id: string; olla: { aliases: string[]; availability: object[] } }[];
    };
    expect(listed.data.map((entry) => entry.id)).toEqual([
      "tiny-embed:latest",
      "tiny-tools:latest",
      "tiny:latest",
    ]);
    expect(listed.data[2]?.olla.aliases).toEqual(["tiny:latest", "tiny-b:latest"]);
    expect(listed.data[2]?.olla.availability).toEqual([{ endpoint: "box", state: "available" }]);
  });
});

async function listAs(format: ListingFormat, recording: Recording): Promise<object> {
  const clock = createFakeClock();
  const catalog = new ModelCatalog({ clock, staleAfterMs: 1, cleanupIntervalMs: 1 });
  const { models } = parseModelList(recording.format, await readWireBody(recording.path));
  catalog.replaceModels("box", recording.backendType, models);
  return renderListing(format, selectModels(catalog.unified(), { format }, everythingUp), {
    processStartedAt,
  });
}

function encode(body: object): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(body));
}
