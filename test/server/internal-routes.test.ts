import { describe, expect, test } from "bun:test";
import { gunzipSync } from "node:zlib";
import { createTestServer, outcomeOf, type TestServer } from "./test-server.ts";

type Json = Record<string, unknown>;

async function readJson(server: TestServer, path: string): Promise<Json> {
  const response = await server.request(path);
  expect(response.status).toBe(200);
  expect(response.headers.get("content-type")).toBe("application/json");
  expect(response.headers.get("x-olla-request-id")).not.toBeNull();
  return (await response.json()) as Json;
}

function keysOf(value: unknown): string[] {
  return Object.keys(value as object).sort();
}

function listed(value: unknown): Json[] {
  return value as Json[];
}

/** Two endpoints with traffic, checks and models. */
function busyServer(): TestServer {
  const server = createTestServer();
  const { clock } = server;
  server.addEndpoint(
    { name: "alpha", priority: 50 },
    { lastCheckedAt: clock.wallTime(), lastLatencyMs: 12, nextCheckAt: clock.now() + 8_000 },
  );
  server.addEndpoint(
    { name: "beta", priority: 90, profile: vllmOf(server) },
    {
      status: "offline",
      consecutiveFailures: 5,
      lastCheckedAt: clock.wallTime(),
      lastLatencyMs: 3,
      nextCheckAt: clock.now() + 8_000,
    },
  );
  server.catalog.replaceModels("alpha", "ollama", [
    { name: "llama3:8b", family: "llama", sizeBytes: 5_000_000_000, quantization: "Q4_K_M", digest: "abc" },
    { name: "llama3:copy", family: "llama", digest: "abc" },
    { name: "org/mystery", capabilities: ["tools"], maxContextLength: 200_000 },
  ]);
  server.catalog.replaceModels("beta", "vllm", [
    { name: "llama3:8b", parameterSize: "8B", type: "llm" },
    { name: "aya", family: "command-r", quantization: "BF16" },
  ]);
  server.setConnections("alpha", 2);
  server.stats.recordOutcome(outcomeOf({ responseBytes: 2_048, durationMs: 250, headMs: 50 }));
  server.stats.recordOutcome(
    outcomeOf({
      attempts: [
        { endpoint: "beta", model: undefined, durationMs: 1, status: undefined, error: "connect_refused" },
        { endpoint: "alpha", model: undefined, durationMs: 100, status: 200, error: undefined },
      ],
      durationMs: 1_860,
      headMs: 1_000,
      responseBytes: 0,
    }),
  );
  clock.advance(3_000);
  return server;
}

function vllmOf(server: TestServer) {
  const profile = server.profiles.byType("vllm");
  if (profile === undefined) throw new Error("the built-in profiles have no vllm");
  return profile;
}

describe("/internal/health", () => {
  test("is healthy whatever the endpoints are", async () => {
    expect(await readJson(createTestServer(), "/internal/health")).toEqual({ status: "healthy" });
  });
});

describe("/", () => {
  test("points to the routes, as JSON", async () => {
    const body = await readJson(createTestServer(), "/");
    expect(keysOf(body)).toEqual(["name", "routes", "version"]);
    expect(keysOf(body.routes)).toEqual(["direct", "proxied"]);
  });
});

describe("/version", () => {
  test("has the documented members", async () => {
    const body = await readJson(createTestServer(), "/version");
    expect(keysOf(body)).toEqual([
      "api",
      "build",
      "capabilities",
      "capabilities_experimental",
      "description",
      "edition",
      "links",
      "name",
      "supported_backends",
      "version",
    ]);
    expect(body.build).toEqual({
      commit: "abc1234",
      date: "2026-01-01",
      go_version: "Bun test",
      platform: "linux/x64",
    });
    expect(keysOf(body.links)).toEqual(["documentation", "homepage", "releases"]);
    expect(body.supported_backends).toEqual([
      "docker-model-runner",
      "lemonade",
      "litellm",
      "llamacpp",
      "lm-studio",
      "lmdeploy",
      "ollama",
      "omlx",
      "openai-compatible",
      "sglang",
      "vllm",
      "vllm-mlx",
    ]);
    expect(body.api).toMatchObject({ version: "v1", endpoints: { health: "/internal/health" } });
  });
});

describe("/internal/status", () => {
  test("says of every endpoint what happened there, highest priority first", async () => {
    const body = await readJson(busyServer(), "/internal/status");
    expect(keysOf(body)).toEqual(["endpoints", "proxy", "security", "system", "timestamp"]);
    expect(body.proxy).toEqual({ engine: "sherpa", profile: "auto", balancer: "priority" });
    expect(listed(body.endpoints).map(({ name }) => name)).toEqual(["beta", "alpha"]);
    expect(listed(body.endpoints)[1]).toEqual({
      id: "id-alpha",
      name: "alpha",
      url: "http://alpha.test:11434",
      status: "healthy",
      priority: 50,
      connections: 2,
      requests: 2,
      success_rate: "100%",
      avg_latency: "600ms",
      avg_latency_ms: 600,
      min_latency_ms: 240,
      max_latency_ms: 960,
      traffic: "2.00 KB",
      last_check: "3s ago",
      health_check_at: "2026-01-01T00:00:00.000Z",
      next_check: "in 5s",
      next_check_at: "2026-01-01T00:00:08.000Z",
      issues: "",
      models: { last_updated: "2026-01-01T00:00:00.000Z", count: 3 },
    });
    expect(listed(body.endpoints)[0]).toMatchObject({
      success_rate: "0%",
      issues: "consecutive failures, unavailable",
      requests: 1,
    });
  });

  test("sums up the system by attempts", async () => {
    const body = await readJson(busyServer(), "/internal/status");
    expect(body.system).toEqual({
      status: "critical",
      endpoints_up: "1/2",
      success_rate: "66.7%",
      avg_latency: "600ms",
      total_traffic: "2.00 KB",
      uptime: "3s",
      start_time: "2026-01-01T00:00:00.000Z",
      version: "1.2.3",
      commit: "abc1234",
      active_connections: 2,
      security_violations: 0,
      total_requests: 3,
      total_failures: 1,
      has_traffic: true,
    });
    expect(body.security).toEqual({
      status: "normal",
      blocked_ips: 0,
      violations: { rate_limits: 0, size_limits: 0 },
    });
  });

  test("without traffic or checks it claims nothing", async () => {
    const server = createTestServer();
    server.addEndpoint({ name: "alpha" }, { status: "healthy" });
    const body = await readJson(server, "/internal/status");
    const [endpoint] = listed(body.endpoints);
    expect(endpoint).toMatchObject({
      success_rate: "0%",
      avg_latency: "0ms",
      min_latency_ms: 0,
      max_latency_ms: 0,
      traffic: "0 B",
      last_check: "never",
      models: { last_updated: null, count: 0 },
    });
    expect(endpoint).not.toHaveProperty("avg_latency_ms");
    expect(endpoint).not.toHaveProperty("health_check_at");
    expect(body.system).toMatchObject({ status: "healthy", success_rate: "N/A", has_traffic: false });
  });

  test("without endpoints the system is critical", async () => {
    const body = await readJson(createTestServer(), "/internal/status");
    expect(body.system).toMatchObject({ status: "critical", endpoints_up: "0/0" });
  });

  test.each([
    [10, 10, undefined, "healthy"],
    [8, 10, undefined, "healthy"],
    [7, 10, undefined, "degraded"],
    [5, 10, undefined, "degraded"],
    [4, 10, undefined, "critical"],
    [10, 10, 96, "healthy"],
    [10, 10, 94, "degraded"],
    [10, 10, 89, "critical"],
  ])("%d of %d healthy and %p percent success is %s", async (healthy, all, percent, status) => {
    const server = createTestServer();
    for (let index = 0; index < all; index++) {
      server.addEndpoint({ name: `e${index}` }, { status: index < healthy ? "healthy" : "offline" });
    }
    for (let index = 0; percent !== undefined && index < 100; index++) {
      server.stats.recordAttempt({ endpoint: "e0", isSuccess: index < percent, latencyMs: 1, bytes: 0 });
    }
    const body = await readJson(server, "/internal/status");
    expect(body.system).toMatchObject({ status });
  });

  test("a slow endpoint that often fails says so", async () => {
    const server = createTestServer();
    server.addEndpoint({ name: "alpha" });
    for (let index = 0; index < 20; index++) {
      server.stats.recordAttempt({ endpoint: "alpha", isSuccess: index < 10, latencyMs: 6_000, bytes: 0 });
    }
    const body = await readJson(server, "/internal/status");
    expect(listed(body.endpoints)[0]?.issues).toBe("low success rate, high latency");
  });
});

describe("/internal/status/endpoints", () => {
  test("has the details of each, in the same order and under the same ids as the status", async () => {
    const server = busyServer();
    const status = await readJson(server, "/internal/status");
    const body = await readJson(server, "/internal/status/endpoints");
    expect(keysOf(body)).toEqual([
      "endpoints",
      "healthy_count",
      "routable_count",
      "timestamp",
      "total_count",
    ]);
    expect(body).toMatchObject({ total_count: 2, healthy_count: 1, routable_count: 1 });
    expect(listed(body.endpoints).map(({ id }) => id)).toEqual(listed(status.endpoints).map(({ id }) => id));
    expect(listed(body.endpoints)[1]).toEqual({
      id: "id-alpha",
      name: "alpha",
      type: "ollama",
      status: "healthy",
      url: "http://alpha.test:11434",
      priority: 50,
      model_count: 3,
      request_count: 2,
      active_connections: 2,
      success_rate: "100%",
      avg_latency_ms: 600,
      min_latency_ms: 240,
      max_latency_ms: 960,
      health_check: "3s ago",
      health_check_at: "2026-01-01T00:00:00.000Z",
      response_time: "12ms",
      next_check_at: "2026-01-01T00:00:08.000Z",
      last_model_sync: "3s ago",
      last_model_sync_at: "2026-01-01T00:00:00.000Z",
    });
    expect(listed(body.endpoints)[0]).toMatchObject({ type: "vllm", issues: "unavailable" });
  });

  test("an endpoint that was never checked or used claims nothing", async () => {
    const server = createTestServer();
    server.addEndpoint({ name: "alpha", isAutoDetected: true }, { status: "unknown" });
    const body = await readJson(server, "/internal/status/endpoints");
    const [endpoint] = listed(body.endpoints);
    expect(endpoint).toMatchObject({ type: "auto", health_check: "", success_rate: "N/A" });
    for (const key of ["avg_latency_ms", "response_time", "last_model_sync", "health_check_at", "issues"]) {
      expect(endpoint).not.toHaveProperty(key);
    }
  });

  test.each([
    ["healthy", 0, undefined],
    ["busy", 4, "unstable"],
    ["busy", 1, undefined],
    ["unhealthy", 1, "unavailable"],
    ["rate_limited", 0, undefined],
  ] as const)("%s after %d failures has the issue %p", async (status, consecutiveFailures, issue) => {
    const server = createTestServer();
    server.addEndpoint({ name: "alpha" }, { status, consecutiveFailures });
    const body = await readJson(server, "/internal/status/endpoints");
    expect(listed(body.endpoints)[0]?.issues).toBe(issue);
  });

  test("equal priorities put healthy ones first, then names in order", async () => {
    const server = createTestServer();
    server.addEndpoint({ name: "c" });
    server.addEndpoint({ name: "a" }, { status: "busy" });
    server.addEndpoint({ name: "b" });
    const body = await readJson(server, "/internal/status/endpoints");
    expect(listed(body.endpoints).map(({ name }) => name)).toEqual(["b", "c", "a"]);
    expect(body).toMatchObject({ healthy_count: 2, routable_count: 3 });
  });
});

describe("/internal/status/models", () => {
  test("merges the same name from all endpoints", async () => {
    const body = await readJson(busyServer(), "/internal/status/models");
    expect(keysOf(body)).toEqual([
      "models_by_family",
      "recent_models",
      "timestamp",
      "total_endpoints",
      "total_families",
      "total_models",
    ]);
    expect(body).toMatchObject({ total_models: 4, total_families: 3, total_endpoints: 2 });
    expect(body.models_by_family).toEqual({
      "command-r": ["aya"],
      llama: ["llama3:8b", "llama3:copy"],
      unknown: ["org/mystery"],
    });
    const models = listed(body.recent_models);
    expect(models.map(({ name }) => name)).toEqual(["aya", "llama3:8b", "llama3:copy", "org/mystery"]);
    expect(models[1]).toEqual({
      name: "llama3:8b",
      type: "llm",
      family: "llama",
      size: "4.66 GB",
      params: "8B",
      quant: "Q4_K_M",
      last_seen: "3s ago",
      last_seen_at: "2026-01-01T00:00:00.000Z",
      endpoints: ["alpha", "beta"],
      endpoint_ids: ["id-alpha", "id-beta"],
      aliases: ["llama3:copy"],
      capabilities: ["text_generation", "chat"],
    });
    expect(models[0]).toMatchObject({ capabilities: ["high_precision"] });
    expect(models[3]).toMatchObject({ capabilities: ["long_context", "tools"] });
  });

  test.each([
    ["?detailed=true&group=family", true],
    ["?group=family&detailed=true&x=1", true],
    ["?detailed=1&group=family", false],
    ["?detailed=true", false],
    ["?detailed=TRUE&group=family", false],
  ])("%s groups by family: %p", async (query, isGrouped) => {
    const body = await readJson(busyServer(), `/internal/status/models${query}`);
    expect("model_groups" in body).toBe(isGrouped);
    if (!isGrouped) return;
    const groups = listed(body.model_groups);
    expect(groups.map(({ family }) => family)).toEqual(["command-r", "llama", "unknown"]);
    expect(keysOf(groups[1])).toEqual(["endpoints", "family", "model_count", "models"]);
    expect(groups[1]).toMatchObject({ endpoints: ["alpha", "beta"], model_count: 2 });
  });

  test("lists the ten seen last, newest first", async () => {
    const server = createTestServer();
    server.addEndpoint({ name: "old" });
    server.addEndpoint({ name: "new" });
    server.catalog.replaceModels("old", "ollama", [{ name: "aaa" }]);
    server.clock.advance(1_000);
    const names = Array.from({ length: 12 }, (_, index) => ({ name: `m${String(index).padStart(2, "0")}` }));
    server.catalog.replaceModels("new", "ollama", names);
    const body = await readJson(server, "/internal/status/models");
    const recent = listed(body.recent_models).map(({ name }) => name);
    expect(recent).toEqual(names.slice(0, 10).map(({ name }) => name));
  });

  test("without models everything is empty", async () => {
    const body = await readJson(createTestServer(), "/internal/status/models?detailed=true&group=family");
    expect(body).toMatchObject({
      total_models: 0,
      total_families: 0,
      models_by_family: {},
      recent_models: [],
      model_groups: [],
    });
  });
});

describe("conditional and compressed answers", () => {
  const routes = ["/internal/status", "/internal/status/endpoints", "/internal/status/models"];

  test.each(routes)(
    "%s keeps its ETag while only time passes, and answers 304 without a body",
    async (path) => {
      const server = busyServer();
      const first = await server.request(path);
      const etag = first.headers.get("etag") ?? "";
      server.clock.advance(500_000);
      const second = await server.request(path, { headers: { "If-None-Match": `"other", ${etag}` } });
      expect(second.status).toBe(304);
      expect(await second.text()).toBe("");
      for (const response of [first, second]) {
        expect(response.headers.get("etag")).toBe(etag);
        expect(response.headers.get("cache-control")).toBe("private, no-cache");
        expect(response.headers.get("content-type")).toBe("application/json");
        expect(response.headers.get("vary")).toBe("Accept-Encoding");
      }
    },
  );

  test.each(routes)("%s changes its ETag when something happened", async (path) => {
    const server = busyServer();
    const before = (await server.request(path)).headers.get("etag");
    server.stats.recordOutcome(outcomeOf());
    server.catalog.replaceModels("alpha", "ollama", [{ name: "another" }]);
    const after = (await server.request(path)).headers.get("etag");
    expect(after).not.toBe(before);
  });

  test("gzip shrinks a long body and says so; identity, a short body and 304 stay plain", async () => {
    const server = busyServer();
    const headers = { "Accept-Encoding": "gzip, br" };
    const zipped = await server.request("/internal/status", { headers });
    expect(zipped.headers.get("content-encoding")).toBe("gzip");
    const bytes = await zipped.bytes();
    expect(zipped.headers.get("content-length")).toBe(String(bytes.byteLength));
    expect(JSON.parse(gunzipSync(bytes).toString())).toEqual(await readJson(server, "/internal/status"));

    const plain = await server.request("/internal/status", { headers: { "Accept-Encoding": "gzip;q=0" } });
    expect(plain.headers.has("content-encoding")).toBe(false);

    const short = await createTestServer().request("/internal/status/models", { headers });
    expect(short.headers.has("content-encoding")).toBe(false);
    expect((await short.bytes()).byteLength).toBeLessThan(256);

    const match = { ...headers, "If-None-Match": "*" };
    const unchanged = await server.request("/internal/status", { headers: match });
    expect([unchanged.status, unchanged.headers.get("content-encoding")]).toEqual([304, null]);
  });

  test("HEAD has the headers of GET and no body", async () => {
    const server = busyServer();
    const get = await server.request("/internal/status");
    const head = await server.request("/internal/status", { method: "HEAD" });
    expect(await head.text()).toBe("");
    expect(head.headers.get("etag")).toBe(get.headers.get("etag"));
    expect(head.headers.get("content-length")).toBe(get.headers.get("content-length"));
    expect(server.outcomes.map(({ responseBytes }) => responseBytes > 0)).toEqual([true, false]);
  });
});

test("every direct request leaves exactly one access line, quiet for polls", async () => {
  const server = busyServer();
  await server.request("/internal/status?token=s3cret");
  await server.request("/version");
  expect(server.log.map(({ level, fields }) => [level, fields.path, fields.query])).toEqual([
    ["debug", "/internal/status", "token=[REDACTED]"],
    ["info", "/version", undefined],
  ]);
});
