import { describe, expect, test } from "bun:test";
import { createTestServer } from "./test-server.ts";

describe("paths to the pipeline", () => {
  test.each([
    ["/olla/proxy/v1/chat/completions", "all", "/v1/chat/completions"],
    ["/olla/ollama/api/chat", "ollama", "/api/chat"],
    ["/olla/Ollama/api/chat", "ollama", "/api/chat"],
    ["/olla/%6Fllama/api/chat", "ollama", "/api/chat"],
    ["/olla/lmstudio/v1/chat/completions", "lm-studio", "/v1/chat/completions"],
    ["/olla/lm-studio/v1/chat/completions", "lm-studio", "/v1/chat/completions"],
    ["/olla/lm_studio/v1/chat/completions", "lm-studio", "/v1/chat/completions"],
    ["/olla/vllm/v1/completions", "vllm", "/v1/completions"],
    ["/olla/openai/v1/embeddings", "openai-compatible", "/v1/embeddings"],
    ["/olla/openai-compatible/v1/embeddings", "openai-compatible", "/v1/embeddings"],
    ["/olla/proxy/", "all", "/"],
    ["/olla/ollama/", "ollama", "/"],
    ["/olla/proxy//v1/chat/completions", "all", "/v1/chat/completions"],
    ["/olla/proxy///evil.test/x", "all", "/evil.test/x"],
    ["/olla/proxy/a//b", "all", "/a//b"],
    ["/olla/proxy/models/a%2Fb%20c/", "all", "/models/a%2Fb%20c/"],
    ["/olla/proxy/%2e%2e%2fsecret", "all", "/%2e%2e%2fsecret"],
    ["/olla/proxy/x/../y", "all", "/y"],
    ["/olla/ollama/api/tags/", "ollama", "/api/tags/"],
    ["/olla/proxy/%zz", "all", "/%zz"],
  ])("%s leads to %s, asking for %s", async (path, scope, upstreamPath) => {
    const server = createTestServer();
    await server.request(path, { method: "POST" });
    const [exchange] = server.exchanges;
    expect(exchange?.upstreamPath).toBe(upstreamPath);
    expect(exchange?.scope === "all" ? "all" : exchange?.scope.name).toBe(scope);
  });

  test("dot segments cannot climb out of a prefix into another route unseen: they are resolved before routing", async () => {
    const server = createTestServer();
    const response = await server.request("/olla/ollama/../../internal/health");
    expect(response.status).toBe(200);
    expect(server.exchanges).toEqual([]);
  });

  test.each(["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "PROPFIND"])(
    "%s is sent on, with the query as received",
    async (method) => {
      const server = createTestServer();
      await server.request("/olla/proxy/x?a=%2F+b&a=c&&=", { method });
      expect(server.exchanges[0]?.request.method).toBe(method);
      expect(server.exchanges[0]?.query).toBe("?a=%2F+b&a=c&&=");
      expect(server.exchanges[0]?.path).toBe("/olla/proxy/x");
    },
  );

  test("the exchange carries the original request, the peer as IPv4, and the hold on the connection", async () => {
    const server = createTestServer({ peer: "::ffff:192.0.2.7", settings: { idleTimeoutSeconds: 77 } });
    const response = await server.request("/olla/proxy/x", { headers: { "X-Request-ID": "mine" } });
    const [exchange] = server.exchanges;
    expect(await response.json()).toEqual({ upstreamPath: "/x", query: "" });
    expect(exchange?.clientAddress).toBe("192.0.2.7");
    expect(exchange?.requestId).toBe("mine");
    expect(exchange?.isSecure).toBe(false);
    exchange?.holdOpen();
    exchange?.releaseHold();
    server.clock.advance(1_000);
    // Nothing is done about an answer that is here at once.
    expect(server.timeouts).toEqual([]);
    exchange?.holdOpen();
    server.clock.advance(1_000);
    exchange?.releaseHold();
    expect(server.timeouts).toEqual([0, 77]);
  });

  test("a proxied request is recorded by the pipeline alone", async () => {
    const server = createTestServer();
    await server.request("/olla/proxy/x");
    expect(server.outcomes).toEqual([]);
  });

  test("what the pipeline throws becomes a 500 that says nothing of the cause, and is logged with it", async () => {
    const server = createTestServer({
      handle: async () => {
        throw new Error("the secret is 1234");
      },
    });
    const response = await server.request("/olla/ollama/api/chat", { method: "POST" });
    expect(response.status).toBe(500);
    expect(await response.json()).toEqual({
      error: "Olla failed to handle this request",
      code: "internal",
      source: "olla",
    });
    expect(server.log.some(({ fields }) => String(fields.error).includes("1234"))).toBe(true);
    expect(server.outcomes).toHaveLength(1);
  });
});

describe("paths without a route", () => {
  test.each([
    ["/olla/ollama", "/olla/ollama/"],
    ["/olla/proxy?x=1", "/olla/proxy/?x=1"],
    ["//internal//health", "/internal/health"],
    ["/olla//proxy/v1/models?x=//y", "/olla/proxy/v1/models?x=//y"],
  ])("%s is redirected to %s, keeping method and body", async (path, location) => {
    const response = await createTestServer().request(path, { method: "POST" });
    expect(response.status).toBe(308);
    expect(response.headers.get("location")).toBe(location);
    expect(response.headers.get("x-olla-request-id")).not.toBeNull();
  });

  test.each([
    ["/internal/statsu", "Did you mean /internal/status?"],
    ["/v2/chat/completions", "GET / lists the routes."],
    ["/olla/anthropic/v1/complete", "There are /olla/anthropic/v1/messages, "],
    ["/olla/olama/api/chat", "Did you mean /olla/ollama/?"],
    ["/olla/nothing-like-it/v1/models", "Known prefixes: proxy, local, ollama,"],
    ["/favicon.ico", "GET / lists the routes."],
  ])("%s is a 404 that says: %s", async (path, hint) => {
    const server = createTestServer();
    const response = await server.request(path, { method: "POST", body: "{}" });
    const { error } = (await response.json()) as { error: { code: string; message: string; source: string } };
    expect(response.status).toBe(404);
    expect(error.code).toBe("route_not_found");
    expect(error.source).toBe("olla");
    expect(error.message).toContain(hint);
    expect(response.headers.get("x-olla-error")).toBe("route_not_found");
    expect(server.outcomes[0]).toMatchObject({ path, status: 404, error: { code: "route_not_found" } });
  });

  test("the caller's dialect decides the shape, Anthropic's with its request id", async () => {
    const server = createTestServer();
    const anthropic = await server.request("/olla/anthropic/v1/batches", {
      headers: { "X-Request-ID": "r1" },
    });
    expect(anthropic.headers.get("request-id")).toBe("r1");
    expect(await anthropic.json()).toMatchObject({
      type: "error",
      error: { type: "not_found_error" },
      request_id: "r1",
    });
    const ollama = (await (await server.request("/api/tags", { method: "PUT" })).json()) as {
      error: unknown;
    };
    expect(typeof ollama.error).toBe("string");
  });
});

describe("refusals", () => {
  test("a head over the limit is a JSON 431, recorded, on every kind of route", async () => {
    const server = createTestServer({ settings: { maxHeaderBytes: 4_096 } });
    const headers = { "X-Flood": "x".repeat(5_000) };
    for (const path of ["/olla/proxy/x", "/internal/health", "/nowhere"]) {
      const response = await server.request(path, { headers });
      expect(response.status).toBe(431);
      expect(response.headers.get("x-olla-request-id")).not.toBeNull();
      expect(await response.json()).toMatchObject({ error: { code: "headers_too_large", source: "olla" } });
    }
    expect(server.exchanges).toEqual([]);
    expect(server.outcomes.map(({ status }) => status)).toEqual([431, 431, 431]);
    expect(server.stats.security().sizeLimitViolations).toBe(3);
  });

  test("the head limit is inclusive", async () => {
    // GET(3) + /olla/proxy/x(13) + HTTP/1.1(8) + 4, then a(1) + b(1) + 4
    const init = { headers: { a: "b" } };
    expect(
      (await createTestServer({ settings: { maxHeaderBytes: 34 } }).request("/olla/proxy/x", init)).status,
    ).toBe(200);
    expect(
      (await createTestServer({ settings: { maxHeaderBytes: 33 } }).request("/olla/proxy/x", init)).status,
    ).toBe(431);
  });

  test("a declared body over the limit is refused on direct routes and left to the pipeline on proxied ones", async () => {
    const server = createTestServer();
    const init = { method: "POST", headers: { "Content-Length": "1001" } };
    expect((await server.request("/internal/health", init)).status).toBe(413);
    expect((await server.request("/olla/proxy/x", init)).status).toBe(200);
    expect(server.outcomes[0]?.error?.code).toBe("body_too_large");
  });

  test("while draining, every request gets 503, told to close its connection and to come back", async () => {
    const server = createTestServer();
    server.router.beginDrain();
    for (const path of ["/olla/proxy/x", "/internal/health"]) {
      const response = await server.request(path);
      expect(response.status).toBe(503);
      expect(response.headers.get("connection")).toBe("close");
      expect(Number(response.headers.get("retry-after"))).toBeGreaterThan(0);
      expect(await response.json()).toMatchObject({ error: { code: "shutting_down" } });
    }
    expect(server.exchanges).toEqual([]);
    expect(server.outcomes).toHaveLength(2);
  });

  test.each([
    "/",
    "/version",
    "/internal/health",
    "/internal/status",
    "/internal/status/endpoints",
    "/internal/status/models",
    "/internal/stats/translators",
    "/olla/anthropic",
    "/olla/anthropic/",
    "/olla/anthropic/v1/models",
    "/v1/models",
    "/api/tags",
    "/olla/models",
    "/olla/models/llama3",
    "/olla/proxy/v1/models",
    "/olla/ollama/api/tags",
    "/olla/lm_studio/api/v0/models",
  ])("%s can only be read", async (path) => {
    const server = createTestServer();
    const post = await server.request(path, { method: "POST", body: "{}" });
    expect(post.status).toBe(405);
    expect(post.headers.get("allow")).toBe("GET, HEAD, OPTIONS");
    expect(post.headers.get("content-type")).toBe("application/json");
    const options = await server.request(path, { method: "OPTIONS" });
    expect(options.status).toBe(204);
    expect(options.headers.get("allow")).toBe("GET, HEAD, OPTIONS");
    expect(server.exchanges).toEqual([]);
  });

  test.each([
    "/olla/ollama/api/pull",
    "/olla/Ollama/api/create",
    "/olla/ollama//api/delete",
    "/olla/ollama/api/%64elete",
    "/olla/ollama/api/delete/",
    "/olla/ollama/v1/..%2fapi/delete",
    "/olla/ollama/api/blobs/sha256:abc",
    "/olla/proxy/api/delete",
    "/olla/openai/api/delete",
  ])("%s changes an endpoint, and without a name of one is a 501 in Ollama's shape", async (path) => {
    const server = createTestServer();
    server.addEndpoint({ name: "alpha" });
    const response = await server.request(path, { method: "POST", body: "{}" });
    expect(response.status).toBe(501);
    const body = (await response.json()) as { error: string | { message: string } };
    expect(JSON.stringify(body)).toContain("X-Olla-Endpoint: <name> (here: alpha)");
    if (!path.includes("%2f")) expect(body).toMatchObject({ code: "not_supported", source: "olla" });
    expect(server.exchanges).toEqual([]);
  });

  test("a kind without such paths gets them sent on, as every unknown path", async () => {
    const server = createTestServer();
    await server.request("/olla/vllm/api/delete", { method: "POST" });
    expect(server.exchanges[0]?.upstreamPath).toBe("/api/delete");
  });
});

describe("request ids", () => {
  test.each([
    ["visible ASCII", "abc-123", true],
    ["128 characters", "x".repeat(128), true],
    ["129 characters", "x".repeat(129), false],
    ["a space", "a b", false],
    ["a letter beyond ASCII", "caf\u00e9", false],
    ["nothing", "", false],
  ])("%s: kept or replaced", async (_what, offered, isKept) => {
    const response = await createTestServer().request("/internal/health", {
      headers: { "X-Request-ID": offered },
    });
    const id = response.headers.get("x-olla-request-id") ?? "";
    expect(id === offered).toBe(isKept);
    if (!isKept) expect(id).toMatch(/^[a-z]+-[a-z]+-[0-9a-f]{12}$/);
  });

  test("no two of 20,000 are the same, and fifty at once keep theirs apart", async () => {
    const server = createTestServer();
    const ids = await Promise.all(
      Array.from({ length: 50 }, async () => {
        const response = await server.request("/internal/health");
        return response.headers.get("x-olla-request-id");
      }),
    );
    expect(new Set(ids).size).toBe(50);
    expect(new Set(server.outcomes.map(({ requestId }) => requestId))).toEqual(new Set(ids as string[]));
    for (let round = 0; round < 20_000; round++) await server.request("/olla/proxy/x");
    expect(new Set(server.exchanges.map(({ requestId }) => requestId)).size).toBe(20_000);
  });
});
