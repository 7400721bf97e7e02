import { describe, expect, test } from "bun:test";
import { createTestServer, type TestServer } from "./test-server.ts";

function serverWithModels(): TestServer {
  const server = createTestServer();
  const profileOf = (type: string) => {
    const profile = server.profiles.byType(type);
    if (profile === undefined) throw new Error(`the built-in profiles have no ${type}`);
    return profile;
  };
  server.addEndpoint({ name: "desk", profile: profileOf("ollama") });
  server.addEndpoint({ name: "studio", profile: profileOf("lm-studio") });
  server.addEndpoint({ name: "rack", profile: profileOf("vllm") }, { status: "offline" });
  server.catalog.replaceModels("desk", "ollama", [
    {
      name: "llama3:8b",
      family: "llama",
      digest: "d1",
      sizeBytes: 4_000_000_000,
      modifiedAt: 1_700_000_000_000,
    },
    { name: "nomic-embed-text", family: "nomic-bert", type: "embeddings" },
  ]);
  server.catalog.replaceModels("studio", "lm-studio", [
    { name: "qwen/qwen3-8b", family: "qwen", type: "llm", state: "loaded", publisher: "qwen" },
  ]);
  server.catalog.replaceModels("rack", "vllm", [{ name: "meta-llama/Llama-3.1-8B" }]);
  return server;
}

async function namesAt(server: TestServer, path: string): Promise<string[]> {
  const response = await server.request(path);
  expect(response.status).toBe(200);
  const body = (await response.json()) as { data?: { id: string }[]; models?: { name: string }[] };
  return [...(body.data ?? []).map(({ id }) => id), ...(body.models ?? []).map(({ name }) => name)];
}

describe("/olla/models", () => {
  test.each([
    ["", ["llama3:8b", "nomic-embed-text", "qwen/qwen3-8b"]],
    [
      "?include_unavailable=true",
      ["llama3:8b", "meta-llama/Llama-3.1-8B", "nomic-embed-text", "qwen/qwen3-8b"],
    ],
    ["?include_unavailable=yes", ["llama3:8b", "nomic-embed-text", "qwen/qwen3-8b"]],
    ["?format=openai", ["llama3:8b", "nomic-embed-text", "qwen/qwen3-8b"]],
    ["?format=ollama", ["llama3:8b", "nomic-embed-text"]],
    ["?format=lmstudio", ["qwen/qwen3-8b"]],
    ["?format=vllm", ["llama3:8b", "nomic-embed-text", "qwen/qwen3-8b"]],
    ["?endpoint=studio", ["qwen/qwen3-8b"]],
    ["?endpoint=http%3A%2F%2Fstudio.test%3A11434", ["qwen/qwen3-8b"]],
    ["?endpoint=nobody", []],
    ["?family=llama", ["llama3:8b"]],
    ["?type=embeddings", ["nomic-embed-text"]],
    ["?capability=embedding&type=llm", ["nomic-embed-text"]],
    ["?unknown=ignored&endpoint=desk", ["llama3:8b", "nomic-embed-text"]],
  ])("%s lists %p", async (query, names) => {
    expect(await namesAt(serverWithModels(), `/olla/models${query}`)).toEqual(names);
  });

  test.each([
    [
      "?format=xml",
      "invalid query parameter format=xml: unsupported format. Supported formats: docker-model-runner, lemonade, llamacpp, lmdeploy, lmstudio, ollama, openai, sglang, unified, vllm, vllm-mlx",
      "format",
    ],
    ["?available=maybe", "invalid value for 'available' parameter. Use 'true' or 'false'", "available"],
  ])("%s is refused in words that help", async (query, message, param) => {
    const server = serverWithModels();
    const response = await server.request(`/olla/models${query}`);
    expect(response.status).toBe(400);
    expect(await response.json()).toEqual({
      error: { message, type: "invalid_request_error", param, code: "invalid_request", source: "olla" },
    });
    expect(server.outcomes[0]?.error?.code).toBe("invalid_request");
  });

  test("a parameter given twice is refused", async () => {
    const response = await serverWithModels().request("/olla/models?endpoint=a&endpoint=b");
    expect(response.status).toBe(400);
  });

  test("is the same bytes from one call to the next", async () => {
    const server = serverWithModels();
    const first = await (await server.request("/olla/models?format=openai")).text();
    server.clock.advance(60_000);
    expect(await (await server.request("/olla/models?format=openai")).text()).toBe(first);
  });

  test("is empty, not an error, when nothing is known", async () => {
    const response = await createTestServer().request("/olla/models");
    expect(await response.json()).toEqual({ object: "list", data: [] });
  });
});

describe("/olla/models/{id}", () => {
  test.each([
    ["llama3:8b", "llama3:8b"],
    ["llama3%3A8b", "llama3:8b"],
    ["LLAMA3:8B", "llama3:8b"],
    ["qwen/qwen3-8b", "qwen/qwen3-8b"],
    ["qwen%2Fqwen3-8b", "qwen/qwen3-8b"],
    ["meta-llama/Llama-3.1-8B?x=1", "meta-llama/Llama-3.1-8B"],
  ])("%s finds %s", async (path, id) => {
    const response = await serverWithModels().request(`/olla/models/${path}`);
    expect(response.status).toBe(200);
    const body = (await response.json()) as Record<string, unknown>;
    expect(body.id).toBe(id);
    expect(Object.keys(body).sort()).toEqual([
      "aliases",
      "capabilities",
      "endpoints",
      "family",
      "format",
      "id",
      "last_seen",
      "loaded_endpoints",
      "parameter_count",
      "parameter_size",
      "quantization",
      "total_disk_size",
      "variant",
    ]);
  });

  test.each([
    ["", 400, "Model ID or alias required"],
    ["llama3:8c", 404, "Did you mean llama3:8b?"],
    ["%zz", 404, "Model not found: %zz"],
  ])("%p is refused with %d", async (path, status, text) => {
    const response = await serverWithModels().request(`/olla/models/${path}`);
    expect(response.status).toBe(status);
    const body = (await response.json()) as { error: { message: string } };
    expect(body.error.message).toContain(text);
  });
});

describe("a provider's own list", () => {
  test.each([
    ["/olla/ollama/api/tags", ["llama3:8b", "nomic-embed-text"]],
    ["/olla/ollama/v1/models", ["llama3:8b", "nomic-embed-text"]],
    ["/olla/OLLAMA//api/tags?x=1", ["llama3:8b", "nomic-embed-text"]],
    ["/olla/lmstudio/v1/models", ["qwen/qwen3-8b"]],
    ["/olla/lm-studio/api/v0/models", ["qwen/qwen3-8b"]],
    ["/olla/LM_Studio/api/v1/models", ["qwen/qwen3-8b"]],
    ["/olla/vllm/v1/models", []],
    ["/olla/openai/v1/models", ["llama3:8b", "nomic-embed-text", "qwen/qwen3-8b"]],
    ["/olla/openai-compatible/v1/models", ["llama3:8b", "nomic-embed-text", "qwen/qwen3-8b"]],
    ["/olla/proxy/v1/models", ["llama3:8b", "nomic-embed-text", "qwen/qwen3-8b"]],
    ["/olla/Proxy//v1/models", ["llama3:8b", "nomic-embed-text", "qwen/qwen3-8b"]],
  ])("%s shows what healthy endpoints of that kind have: %p", async (path, names) => {
    const server = serverWithModels();
    expect(await namesAt(server, path)).toEqual(names);
    expect(server.exchanges).toEqual([]);
    expect(server.outcomes[0]?.path).toBe(path.split("?")[0] ?? "");
  });

  test("an endpoint that goes down takes its models off the list, and brings them back", async () => {
    const server = serverWithModels();
    server.setHealth("desk", { status: "offline" });
    expect(await namesAt(server, "/olla/ollama/api/tags")).toEqual([]);
    server.setHealth("desk", { status: "busy" });
    expect(await namesAt(server, "/olla/ollama/api/tags")).toEqual(["llama3:8b", "nomic-embed-text"]);
  });
});

describe("one model of a provider's list", () => {
  test.each([
    ["/olla/openai/v1/models/llama3:8b", { id: "llama3:8b", object: "model", owned_by: "olla" }],
    ["/olla/openai/v1/models/qwen/qwen3-8b", { id: "qwen/qwen3-8b" }],
    ["/olla/proxy/v1/models/qwen%2Fqwen3-8b", { id: "qwen/qwen3-8b" }],
    ["/olla/ollama/v1/models/LLAMA3:8b", { id: "llama3:8b" }],
    ["/olla/lmstudio/api/v0/models/qwen/qwen3-8b", { id: "qwen/qwen3-8b", state: "loaded" }],
  ])("%s is what the list says of it", async (path, expected) => {
    const response = await serverWithModels().request(path);
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject(expected);
  });

  test("a name that is not in the list is refused with the nearest that is", async () => {
    const response = await serverWithModels().request("/olla/openai/v1/models/llama3:8");
    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({
      error: { code: "model_not_found", message: expect.stringContaining("llama3:8b") },
    });
  });

  test("a model of another kind is not in the list", async () => {
    const response = await serverWithModels().request("/olla/ollama/v1/models/qwen/qwen3-8b");
    expect(response.status).toBe(404);
  });

  test("what is no reading goes on to an endpoint", async () => {
    const server = serverWithModels();
    await server.request("/olla/openai/v1/models/llama3:8b", { method: "DELETE" });
    expect(server.exchanges.map(({ upstreamPath }) => upstreamPath)).toEqual(["/v1/models/llama3:8b"]);
  });
});
