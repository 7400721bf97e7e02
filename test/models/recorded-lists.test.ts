import { describe, expect, test } from "bun:test";
import { ModelCatalog } from "../../src/models/catalog.ts";
import { parseModelList } from "../../src/models/list-parsers/parse-model-list.ts";
import type { ListingFormat } from "../../src/models/listings/listing-format.ts";
import { renderListing } from "../../src/models/listings/render-listing.ts";
import { type EndpointView, selectModels } from "../../src/models/listings/select-models.ts";
import type { Model } from "../../src/models/model.ts";
import type { ListFormat } from "../../src/profiles/profile.ts";
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
      family: "llama",
      families: ["llama"],
      format: "gguf",
      parameterSize: "180K",
      quantization: "F16",
      maxContextLength: 8192,
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
    },
  },
  {
    path: "llama-server-b10488-router/get-v1-models.http",
    format: "openai",
    backendType: "openai-compatible",
    names: ["tiny-a", "tiny-tools"],
    first: {
      name: "tiny-a",
      sizeBytes: 359_680,
      format: "gguf",
      state: "loaded",
      parameterSize: "180K",
      quantization: "F16",
      maxContextLength: 8192,
    },
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

describe("a list as a backend answers it", () => {
  for (const recording of recordings) {
    test(`${recording.path} parses to its models`, async () => {
      const { models } = parseModelList(recording.format, await readWireBody(recording.path));
      expect(models.map((model) => model.name)).toEqual([...recording.names]);
      expect(models[0]).toEqual(recording.first);
    });

    for (const format of ["openai", "vllm", "ollama", "lmstudio"] as const) {
      const isNative =
        format === "openai" || format === "vllm" || recording.backendType.replace("-", "") === format;
      test(`${recording.path} is listed ${isNative ? "with every name" : "without names"} as ${format}`, async () => {
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
