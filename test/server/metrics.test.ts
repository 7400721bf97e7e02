// What Prometheus reads, and what the same numbers are in JSON.
import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { renderMetricsDocs } from "../../scripts/generate-metrics-docs.ts";
import { digestOf } from "../../src/lib/key-digest.ts";
import type { Outcome } from "../../src/observe/outcome.ts";
import { createAdminGuard } from "../../src/server/guard/admin-guard.ts";
import { allFamilies } from "../../src/server/metrics/all-families.ts";
import { createFakeClock } from "../support/fake-clock.ts";
import { parseScrape, type Scrape } from "../support/scrape.ts";
import { createTestServer, outcomeOf, type TestServer } from "./test-server.ts";

const docs = join(import.meta.dir, "../../docs");

async function scrape(server: TestServer, path = "/internal/metrics"): Promise<Scrape> {
  const response = await server.request(path);
  expect(response.status).toBe(200);
  expect(response.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
  return parseScrape(await response.text());
}

async function readJson(server: TestServer, path: string): Promise<Record<string, unknown>> {
  const response = await server.request(path);
  expect(response.status).toBe(200);
  return (await response.json()) as Record<string, unknown>;
}

/** Everything in it finite, and nowhere the word for what is not. */
function expectSane(value: unknown): void {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  expect(text).not.toMatch(/NaN|Infinity|undefined|null/);
}

const stream: Partial<Outcome> = {
  isStream: true,
  route: "openai",
  durationMs: 1_100,
  headMs: 60,
  milestones: { bodyMs: 1, inspectedMs: 2, routedMs: 2.5, firstSentMs: 100 },
  usage: { input_tokens: 10, output_tokens: 101, cached_tokens: 4, reasoning_tokens: 7 },
  clientKey: "ann",
  stickyOutcome: "hit",
  decision: { strategy: "strict", action: "routed", reason: "model_found" },
  attempts: [
    { endpoint: "beta", model: "llama3", durationMs: 5, status: undefined, error: "connect_refused" },
    { endpoint: "beta", model: "llama3", durationMs: 5, status: 503, error: "upstream_status" },
    {
      endpoint: "alpha",
      model: "llama3",
      durationMs: 40,
      status: 200,
      error: undefined,
      startedMs: 20,
      queuedMs: 15,
    },
  ],
};

function busyServer(): TestServer {
  const server = createTestServer();
  server.addEndpoint({ name: "alpha", priority: 50 });
  server.addEndpoint({ name: "beta" }, { status: "offline" });
  server.setConnections("alpha", 2);
  server.stats.recordOutcome(outcomeOf(stream));
  const refused = { endpoint: "alpha", model: "llama3", durationMs: 3, status: 400, error: undefined };
  server.stats.recordOutcome(outcomeOf({ route: "openai", status: 400, attempts: [refused] }));
  return server;
}

describe("/internal/metrics", () => {
  test("shows every documented metric with its type and labels, and no others", async () => {
    const { types, labelsOf, series } = await scrape(busyServer());
    expect([...types]).toEqual(allFamilies.map(({ name, type }) => [name, type]));
    for (const { name, type, labels } of allFamilies) {
      const shown = type === "histogram" ? labelsOf(`${name}_count`) : labelsOf(name);
      if (shown.length > 0) expect([name, ...shown]).toEqual([name, ...labels]);
    }
    expect(series.size).toBeGreaterThan(150);
  });

  test("is in the page about monitoring (else: bun scripts/generate-metrics-docs.ts)", async () => {
    const page = await Bun.file(join(docs, "monitoring.md")).text();
    expect(page).toBe(renderMetricsDocs(page));
  });

  test("counts attempts where an endpoint is named, and requests elsewhere", async () => {
    const { numberOf } = await scrape(busyServer());
    expect(numberOf('olla_http_requests_total{route="openai",method="POST",code="2xx"}')).toBe(1);
    expect(numberOf('olla_http_requests_total{route="openai",method="POST",code="4xx"}')).toBe(1);
    expect(numberOf("olla_requests_total")).toBe(4);
    expect(numberOf("olla_failures_total")).toBe(2);
    expect(
      numberOf('olla_upstream_attempts_total{endpoint="beta",model="llama3",outcome="connect_error"}'),
    ).toBe(1);
    expect(numberOf('olla_upstream_attempts_total{endpoint="beta",model="llama3",outcome="http_5xx"}')).toBe(
      1,
    );
    expect(numberOf('olla_upstream_attempts_total{endpoint="alpha",model="llama3",outcome="ok"}')).toBe(1);
    expect(numberOf('olla_fallbacks_total{from="beta",to="alpha",reason="upstream_status"}')).toBe(1);
    expect(numberOf('olla_retries_total{from="beta",to="beta",reason="connect_refused"}')).toBe(1);
    expect(numberOf('olla_model_requests_total{model="llama3"}')).toBe(2);
    expect(numberOf('olla_model_endpoint_requests_total{model="llama3",endpoint="alpha"}')).toBe(2);
    expect(numberOf('olla_model_endpoint_consecutive_errors{model="llama3",endpoint="beta"}')).toBe(2);
    expect(numberOf('olla_model_success_rate_percent{model="llama3"}')).toBe(50);
    expect(numberOf("olla_success_rate_percent")).toBe(50);
  });

  test("has percentages in full", async () => {
    const server = createTestServer();
    server.addEndpoint({ name: "alpha" });
    for (const isSuccess of [true, true, false])
      server.stats.recordAttempt({ endpoint: "alpha", isSuccess, latencyMs: 1, bytes: 0 });
    expect((await scrape(server)).numberOf("olla_success_rate_percent")).toBe(66.666667);
  });

  test("has the times in seconds", async () => {
    const { numberOf } = await scrape(busyServer());
    const place = 'endpoint="alpha",model="llama3"';
    expect(numberOf(`olla_upstream_time_to_first_token_seconds_sum{${place}}`)).toBeCloseTo(0.08);
    expect(numberOf(`olla_upstream_time_to_first_token_seconds_bucket{le="0.06",${place}}`)).toBe(0);
    expect(numberOf(`olla_upstream_time_to_first_token_seconds_bucket{le="0.08",${place}}`)).toBe(1);
    expect(numberOf(`olla_upstream_time_to_first_token_seconds_bucket{le="+Inf",${place}}`)).toBe(1);
    expect(numberOf(`olla_upstream_inter_token_latency_seconds_sum{${place}}`)).toBeCloseTo(0.01);
    expect(numberOf('olla_http_time_to_first_token_seconds_sum{route="openai"}')).toBeCloseTo(0.1);
    expect(numberOf('olla_http_request_duration_seconds_count{route="openai",stream="true"}')).toBe(1);
    expect(numberOf('olla_queue_wait_seconds_sum{endpoint="alpha"}')).toBeCloseTo(0.015);
    expect(numberOf('olla_overhead_seconds_sum{phase="parse"}')).toBeCloseTo(0.001);
    expect(numberOf('olla_overhead_seconds_sum{phase="route"}')).toBeCloseTo(0.0005);
  });

  test("has tokens by kind, by key too", async () => {
    const { numberOf } = await scrape(busyServer());
    const of = (type: string) =>
      numberOf(`olla_tokens_total{endpoint="alpha",model="llama3",type="${type}"}`);
    expect(["input", "output", "cache_read", "reasoning"].map(of)).toEqual([10, 101, 4, 7]);
    expect(numberOf('olla_key_tokens_total{key="ann",type="output"}')).toBe(101);
    expect(numberOf('olla_key_requests_total{key="ann"}')).toBe(1);
    expect(numberOf('olla_sticky_total{result="hit"}')).toBe(1);
    expect(
      numberOf('olla_routing_decisions_total{model="llama3",strategy="strict",reason="model_found"}'),
    ).toBe(1);
  });

  test("tells how endpoints are", async () => {
    const { numberOf } = await scrape(busyServer());
    expect(numberOf('olla_endpoint_up{endpoint="alpha",status="healthy"}')).toBe(1);
    expect(numberOf('olla_endpoint_up{endpoint="beta",status="offline"}')).toBe(0);
    expect(numberOf('olla_endpoint_state{endpoint="beta",state="offline"}')).toBe(1);
    expect(numberOf('olla_endpoint_state{endpoint="beta",state="healthy"}')).toBe(0);
    expect(numberOf('olla_inflight_requests{endpoint="alpha"}')).toBe(2);
    expect(numberOf("olla_endpoints_total")).toBe(2);
    expect(
      numberOf(
        'olla_info{version="1.2.3",commit="abc1234",engine="sherpa",profile="auto",balancer="priority"}',
      ),
    ).toBe(1);
  });

  test("writes names so that they can be read back", async () => {
    const server = createTestServer();
    const name = 'a"b\\c\nd';
    server.addEndpoint({ name });
    server.stats.recordOutcome(
      outcomeOf({
        endpoint: name,
        attempts: [{ endpoint: name, model: 'x"\\\n', durationMs: 1, status: 200, error: undefined }],
      }),
    );
    const { numberOf } = await scrape(server);
    const written = 'a\\"b\\\\c\\nd';
    expect(numberOf(`olla_inflight_requests{endpoint="${written}"}`)).toBe(0);
    expect(
      numberOf(`olla_upstream_attempts_total{endpoint="${written}",model="x\\"\\\\\\n",outcome="ok"}`),
    ).toBe(1);
  });

  test("adds up the tokens of names that are too many under one", async () => {
    const server = createTestServer();
    server.addEndpoint({ name: "alpha" });
    for (let index = 0; index < 1_100; index++) {
      const attempts = [
        { endpoint: "alpha", model: `m${index}`, durationMs: 1, status: 200, error: undefined },
      ];
      server.stats.recordOutcome(outcomeOf({ attempts, usage: { input_tokens: 1, output_tokens: 2 } }));
    }
    const { series, numberOf } = await scrape(server);
    expect([...series.keys()].filter((key) => key.startsWith("olla_tokens_total"))).toHaveLength(1_001 * 4);
    expect(numberOf('olla_tokens_total{endpoint="alpha",model="other",type="output"}')).toBe(200);
  });

  test("two looks at the same state are the same, but for the process", async () => {
    const server = busyServer();
    const stable = ({ text }: Scrape) =>
      text
        .split("\n")
        .filter(
          (line) => !/^(olla_)?process_|olla_event_loop|route="internal"|ending="complete"|phase=/.test(line),
        );
    expect(stable(await scrape(server))).toEqual(stable(await scrape(server)));
  });
});

describe("who may read", () => {
  const key = "right-admin-key-1234";
  const withKey = { headers: { Authorization: `Bearer ${key}` } };
  const guarded = (hasBareMetrics: boolean, adminPort?: number) =>
    createTestServer({
      settings: { hasBareMetrics, adminPort },
      guards: {
        admin: createAdminGuard({ digest: digestOf(key), knowsHost: () => true }, createFakeClock()),
      },
    });

  test.each(["/internal/metrics", "/metrics", "/internal/process", "/internal/stats/models"])(
    "%s asks for the admin key",
    async (path) => {
      const server = guarded(true);
      expect((await server.request(path)).status).toBe(401);
      expect((await server.request(path, withKey)).status).toBe(200);
      expect((await server.request(path, { ...withKey, method: "POST" })).status).toBe(405);
    },
  );

  test("/metrics is not there until it is asked for", async () => {
    expect((await guarded(false).request("/metrics", withKey)).status).toBe(404);
  });

  test("with an admin port it is there and nowhere else", async () => {
    const server = guarded(true, 40_999);
    expect((await server.request("/metrics", withKey)).status).toBe(404);
    expect((await server.requestAdmin("/metrics", withKey)).status).toBe(200);
    expect((await server.requestAdmin("/metrics")).status).toBe(401);
  });

  test("a scraper that comes every few seconds does not fill the log", async () => {
    const server = createTestServer({ settings: { hasBareMetrics: true } });
    await scrape(server, "/metrics");
    expect(server.log.map(({ level }) => level)).toEqual(["debug"]);
  });
});

describe("figures that make sense", () => {
  test("before the first request", async () => {
    const server = createTestServer();
    server.addEndpoint({ name: "alpha" });
    expectSane((await scrape(server)).text);
    const models = await readJson(
      server,
      "/internal/stats/models?include_endpoints=true&include_summary=true",
    );
    expect(models).toEqual({
      timestamp: "2026-01-01T00:00:00.000Z",
      endpoints: {},
      models: [],
      summary: {
        total_models: 0,
        active_models: 0,
        total_requests: 0,
        overall_success_rate: "0%",
        total_traffic: "0 B",
        most_popular_model: "",
        least_popular_model: "",
      },
    });
    const { numberOf } = await scrape(server);
    expect(numberOf("olla_success_rate_percent")).toBe(0);
    expect(numberOf("olla_avg_latency_ms")).toBe(0);
    expect(numberOf("olla_system_status")).toBe(2);
    expectSane(await readJson(server, "/internal/process"));
    expectSane(await readJson(server, "/internal/stats/keys"));
  });

  test("without an endpoint", async () => {
    const { text, numberOf } = await scrape(createTestServer());
    expectSane(text);
    expect(numberOf("olla_system_status")).toBe(0);
  });

  test("after three days", async () => {
    const server = busyServer();
    server.clock.advance(3 * 86_400_000 + 4 * 3_600_000);
    const { text, numberOf } = await scrape(server);
    expectSane(text);
    expect(numberOf("olla_uptime_seconds")).toBe(273_600);
    expect(numberOf("olla_models_active")).toBe(0);
    expect(numberOf("olla_models_total")).toBe(1);
    const body = await readJson(server, "/internal/process");
    expect(body.runtime).toMatchObject({
      uptime: "3d 4h",
      uptime_seconds: 273_600,
      start_time: "2026-01-01T00:00:00.000Z",
    });
    const models = await readJson(server, "/internal/stats/models?include_summary=true");
    expect(models.models).toEqual([expect.objectContaining({ last_requested: "3d ago" })]);
    expect(models.summary).toMatchObject({ active_models: 0, total_models: 1, total_requests: 2 });
  });
});

describe("/internal/stats/models", () => {
  test("has the documented members, and more where it is asked to", async () => {
    const server = busyServer();
    const plain = await readJson(server, "/internal/stats/models");
    expect(Object.keys(plain).sort()).toEqual(["endpoints", "models", "summary", "timestamp"]);
    expect(plain.endpoints).toEqual({});
    const model = {
      name: "llama3",
      total_requests: 2,
      successful_requests: 1,
      failed_requests: 1,
      success_rate: "50.0%",
      average_latency: "1.1s",
      p95_latency: "1.1s",
      p99_latency: "1.1s",
      total_traffic: "200 B",
      unique_clients: 1,
      last_requested: "0s ago",
      routing_hits: 1,
      routing_misses: 0,
      routing_fallbacks: 0,
    };
    expect(plain.models).toEqual([model]);
    const full = await readJson(server, "/internal/stats/models?include_endpoints=true&include_summary=true");
    expect(full.models).toEqual([
      {
        ...model,
        endpoint_breakdown: {
          alpha: {
            endpoint_name: "alpha",
            request_count: 2,
            success_rate: 100,
            average_latency: "1.1s",
            last_used: "0s ago",
            consecutive_errors: 0,
          },
          beta: {
            endpoint_name: "beta",
            request_count: 2,
            success_rate: 0,
            average_latency: "0ms",
            last_used: "0s ago",
            consecutive_errors: 2,
          },
        },
      },
    ]);
    expect(full.endpoints).toMatchObject({
      alpha: { request_count: 2, success_rate: 100, consecutive_errors: 0 },
      beta: { request_count: 2, success_rate: 0, consecutive_errors: 2 },
    });
    expect(full.summary).toMatchObject({ most_popular_model: "llama3", overall_success_rate: "50.0%" });
  });

  test("lists the busiest first", async () => {
    const server = createTestServer();
    for (const [model, times] of [
      ["rare", 1],
      ["common", 3],
    ] as const) {
      const attempts = [{ endpoint: "alpha", model, durationMs: 1, status: 200, error: undefined }];
      for (let index = 0; index < times; index++) server.stats.recordOutcome(outcomeOf({ attempts }));
    }
    const { summary, models } = await readJson(server, "/internal/stats/models");
    expect(models).toMatchObject([{ name: "common" }, { name: "rare" }]);
    expect(summary).toMatchObject({ most_popular_model: "common", least_popular_model: "rare" });
  });

  test("a wrong parameter is named", async () => {
    const response = await createTestServer().request("/internal/stats/models?include_summary=perhaps");
    expect(response.status).toBe(400);
    expect(await response.text()).toContain("include_summary");
  });
});

describe("/internal/process", () => {
  test("has what this runtime knows, and no field of another's", async () => {
    const body = await readJson(busyServer(), "/internal/process");
    expect(Object.keys(body).sort()).toEqual(["activity", "cpu", "memory", "runtime", "timestamp"]);
    expect(JSON.stringify(body)).not.toMatch(/goroutine|gomaxprocs|go_version|heap_alloc|mallocs/);
    expect(body.runtime).toMatchObject({ version: "Bun test", platform: "linux/x64", pid: process.pid });
    expect(body.activity).toMatchObject({ attempts: 2 });
    const memory = body.memory as Record<string, number>;
    expect(memory.rss_bytes).toBeGreaterThan(10_000_000);
    expect(memory.heap_used_bytes).toBeGreaterThan(100_000);
    if (process.platform === "linux") expect(memory.anonymous_bytes).toBeLessThan(memory.rss_bytes ?? 0);
  });

  test("the event loop is measured while somebody looks, and left alone when nobody does", async () => {
    const server = createTestServer();
    expect(server.clock.pendingTimers()).toBe(0);
    const first = await readJson(server, "/internal/process");
    expect(first.runtime).not.toHaveProperty("event_loop_delay");
    server.clock.advance(10_000);
    const second = await readJson(server, "/internal/process");
    expect(second.runtime).toMatchObject({ event_loop_delay: { samples: 20, p50_ms: 0, p99_ms: 0 } });
    server.clock.advance(10 * 60_000);
    expect(server.clock.pendingTimers()).toBe(0);
  });
});
