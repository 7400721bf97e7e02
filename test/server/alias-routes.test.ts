import { describe, expect, test } from "bun:test";
import type { ModelAliases } from "../../src/config/schema-aliases.ts";
import { createTestServer, type TestServer } from "./test-server.ts";

const pinned = (model: string, endpoint: string) => ({ model, endpoint, weight: undefined, params: {} });

const aliases: ModelAliases = {
  // The first has no place but one that is down.
  Chat: ["meta-llama/Llama-3.1-8B", "qwen/qwen3-8b", "llama3:8b"],
  "llama3:8B": ["llama3:8b", "qwen/qwen3-8b"],
  desk: [pinned("llama3:copy", "studio"), pinned("nomic-embed-text", "desk")],
  nowhere: ["no-such-model"],
  asleep: ["meta-llama/Llama-3.1-8B"],
};

function fleet(configured: ModelAliases = aliases): TestServer {
  const server = createTestServer({ aliases: configured });
  const add = (name: string, type: string, status: "healthy" | "offline" = "healthy") => {
    const profile = server.profiles.byType(type);
    if (profile === undefined) throw new Error(`the built-in profiles have no ${type}`);
    server.addEndpoint({ name, profile }, { status });
  };
  add("desk", "ollama");
  add("studio", "lm-studio");
  add("rack", "vllm", "offline");
  server.catalog.replaceModels("desk", "ollama", [
    { name: "llama3:8b", family: "llama", digest: "d1", sizeBytes: 4e9, capabilities: ["vision"] },
    { name: "llama3:copy", family: "llama", digest: "d1", sizeBytes: 4e9, capabilities: ["vision"] },
    { name: "nomic-embed-text", family: "nomic-bert", type: "embeddings" },
  ]);
  server.catalog.replaceModels("studio", "lm-studio", [
    { name: "qwen/qwen3-8b", family: "qwen", type: "llm", state: "loaded", maxContextLength: 32_768 },
  ]);
  server.catalog.replaceModels("rack", "vllm", [
    { name: "meta-llama/Llama-3.1-8B", maxContextLength: 131_072 },
  ]);
  return server;
}

interface Listed {
  readonly id?: string;
  readonly name?: string;
  readonly [member: string]: unknown;
}

async function entriesAt(server: TestServer, path: string): Promise<readonly Listed[]> {
  const response = await server.request(path);
  expect(response.status).toBe(200);
  const body = (await response.json()) as { data?: Listed[]; models?: Listed[] };
  return [...(body.data ?? []), ...(body.models ?? [])];
}

async function namesAt(server: TestServer, path: string): Promise<readonly (string | undefined)[]> {
  return (await entriesAt(server, path)).map(({ id, name }) => id ?? name);
}

const everywhere = ["Chat", "desk", "llama3:8B", "llama3:copy", "nomic-embed-text", "qwen/qwen3-8b"];

describe("lists show an alias where one of its models can be had", () => {
  test.each([
    ["/olla/models", everywhere],
    ["/olla/models?format=openai", everywhere],
    ["/olla/models?format=vllm", everywhere],
    ["/olla/models?format=sglang", everywhere],
    ["/olla/models?format=llamacpp", everywhere],
    ["/olla/models?format=lmdeploy", everywhere],
    ["/olla/models?format=lemonade", everywhere],
    ["/olla/models?format=docker-model-runner", everywhere],
    ["/olla/models?format=ollama", ["Chat", "desk", "llama3:8B", "llama3:copy", "nomic-embed-text"]],
    ["/olla/models?format=lmstudio", ["Chat", "llama3:8B", "qwen/qwen3-8b"]],
    ["/olla/models?endpoint=studio", ["Chat", "llama3:8B", "qwen/qwen3-8b"]],
    ["/olla/models?type=embeddings", ["desk", "nomic-embed-text"]],
    ["/olla/proxy/v1/models", everywhere],
    ["/olla/openai/v1/models", everywhere],
    ["/olla/ollama/api/tags", ["Chat", "desk", "llama3:8B", "llama3:copy", "nomic-embed-text"]],
    ["/olla/ollama/v1/models", ["Chat", "desk", "llama3:8B", "llama3:copy", "nomic-embed-text"]],
    ["/olla/lmstudio/api/v0/models", ["Chat", "llama3:8B", "qwen/qwen3-8b"]],
    ["/olla/vllm/v1/models", []],
  ])("%s", async (path, names) => {
    expect(await namesAt(fleet(), path)).toEqual(names);
  });

  test("with what is down only when asked for", async () => {
    const names = await namesAt(fleet(), "/olla/models?include_unavailable=true");
    expect(names).toEqual([
      "Chat",
      "asleep",
      "desk",
      "llama3:8B",
      "llama3:copy",
      "meta-llama/Llama-3.1-8B",
      "nomic-embed-text",
      "qwen/qwen3-8b",
    ]);
  });

  test("an alias comes and goes with the health of its endpoints", async () => {
    const server = fleet();
    server.setHealth("rack", { status: "healthy" });
    expect(await namesAt(server, "/olla/vllm/v1/models")).toEqual([
      "Chat",
      "asleep",
      "meta-llama/Llama-3.1-8B",
    ]);
    server.setHealth("rack", { status: "offline" });
    expect(await namesAt(server, "/olla/vllm/v1/models")).toEqual([]);
  });

  test("a model that arrives later brings its alias", async () => {
    const server = fleet();
    server.catalog.replaceModels("studio", "lm-studio", [{ name: "no-such-model" }]);
    expect(await namesAt(server, "/olla/lmstudio/v1/models")).toEqual(["no-such-model", "nowhere"]);
  });
});

describe("an alias is described by the first of its models that is there", () => {
  test("which the unified list says, with what the alias stands for", async () => {
    const server = fleet();
    const chat = async () => (await entriesAt(server, "/olla/models")).find(({ id }) => id === "Chat");
    expect(await chat()).toMatchObject({
      object: "model",
      owned_by: "olla",
      olla: {
        family: "qwen",
        max_context_length: 32_768,
        aliases: ["Chat"],
        alias_of: ["meta-llama/Llama-3.1-8B", "qwen/qwen3-8b", "llama3:8b"],
        availability: [
          { endpoint: "studio", state: "loaded" },
          { endpoint: "desk", state: "available" },
        ],
      },
    });
    expect(JSON.stringify(await chat())).not.toContain("vision");
    server.setHealth("rack", { status: "healthy" });
    expect(await chat()).toMatchObject({ olla: { family: "llama", max_context_length: 131_072 } });
  });

  test("also in a list of one kind, by what is there", async () => {
    const [first] = await entriesAt(fleet(), "/olla/ollama/api/tags");
    expect(first).toMatchObject({
      name: "Chat",
      model: "Chat",
      size: 4e9,
      digest: "d1",
      details: { family: "llama" },
    });
    const [studio] = await entriesAt(fleet(), "/olla/lmstudio/api/v0/models");
    expect(studio).toMatchObject({ id: "Chat", arch: "qwen", state: "loaded", max_context_length: 32_768 });
  });

  test("its root is the model", async () => {
    const server = fleet();
    server.setHealth("rack", { status: "healthy" });
    const [first] = await entriesAt(server, "/olla/models?format=vllm");
    expect(first).toMatchObject({ id: "Chat", root: "meta-llama/Llama-3.1-8B", max_model_len: 131_072 });
  });

  test.each([
    [
      "/olla/models/chat",
      { id: "Chat", family: "qwen", alias_of: aliases.Chat, endpoints: ["studio", "desk"] },
    ],
    ["/olla/models/LLAMA3:8b", { id: "llama3:8B", alias_of: aliases["llama3:8B"] }],
    ["/olla/models/asleep", { id: "asleep", max_context_length: 131_072, endpoints: ["rack"] }],
    ["/olla/proxy/v1/models/chat", { id: "Chat", owned_by: "olla" }],
  ])("%s", async (path, expected) => {
    const response = await fleet().request(path);
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject(expected);
  });

  test("a mistyped alias is guessed", async () => {
    const response = await fleet().request("/olla/models/chatt");
    expect(response.status).toBe(404);
    expect(await response.text()).toContain("Did you mean Chat?");
  });
});

describe("an alias and a model of its name", () => {
  test("the model's other names stay, and no id is there twice", async () => {
    const ids = await namesAt(fleet(), "/olla/models");
    expect(ids).toContain("llama3:copy");
    expect(new Set(ids.map((id) => id?.toLowerCase())).size).toBe(ids.length);
  });

  test("the model is hidden also while nothing that the alias leads to is there, for requests go by the alias", async () => {
    const server = fleet({ "qwen/qwen3-8b": ["meta-llama/Llama-3.1-8B"] });
    expect(await namesAt(server, "/olla/proxy/v1/models")).not.toContain("qwen/qwen3-8b");
    expect(await namesAt(server, "/olla/models")).not.toContain("qwen/qwen3-8b");
  });

  test("the model is shown on routes of a kind that has nothing else of the alias", async () => {
    const server = fleet({ "qwen/qwen3-8b": ["meta-llama/Llama-3.1-8B"] });
    expect(await namesAt(server, "/olla/lmstudio/v1/models")).toEqual(["qwen/qwen3-8b"]);
  });
});

test("an alias is not counted as a model", async () => {
  const counted = async (server: TestServer) => {
    const response = await server.request("/internal/status/models?detailed=true&group=family");
    const { model_aliases: _, ...others } = (await response.json()) as Record<string, unknown>;
    return others;
  };
  expect(await counted(fleet())).toEqual(await counted(fleet({})));
  const status = await (await fleet().request("/internal/status")).text();
  expect(status).toBe(await (await fleet({}).request("/internal/status")).text());
});

test("the status says what each alias stands for, where that is, and how it is there", async () => {
  const read = async (server: TestServer) =>
    (await (await server.request("/internal/status/models")).json()) as { model_aliases?: unknown[] };
  const { model_aliases: shown } = await read(fleet());
  expect(shown).toHaveLength(Object.keys(aliases).length);
  expect(shown).toContainEqual({
    name: "desk",
    targets: [
      { step: 1, model: "llama3:copy", endpoints: [] },
      { step: 2, model: "nomic-embed-text", endpoints: [{ name: "desk", status: "healthy" }] },
    ],
  });
  expect(shown).toContainEqual({
    name: "asleep",
    targets: [
      { step: 1, model: "meta-llama/Llama-3.1-8B", endpoints: [{ name: "rack", status: "offline" }] },
    ],
  });
  expect(await read(fleet({}))).not.toHaveProperty("model_aliases");
});
