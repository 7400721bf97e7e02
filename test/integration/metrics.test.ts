// A scrape for each way in which a request can go, through the whole program.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { findDeadPort } from "../support/dead-port.ts";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { collectSse } from "../support/read-sse.ts";
import { parseScrape, type Scrape } from "../support/scrape.ts";
import type { Behaviour } from "../support/socket-server.ts";
import { type RunningOlla, startOlla } from "../support/start-olla.ts";
import {
  answerJson,
  completionOf,
  hangBeforeHead,
  sseDone,
  sseToken,
  streamTokens,
} from "../support/upstream-behaviours.ts";
import { waitUntil } from "../support/wait-until.ts";

const chatPath = "/olla/openai/v1/chat/completions";

let main: FakeUpstream;
let narrow: FakeUpstream;
let olla: RunningOlla;

beforeAll(async () => {
  main = new FakeUpstream({ models: ["tiny", "shared"] });
  narrow = new FakeUpstream({ models: ["narrow"] });
  olla = await startOlla({
    readiness: "all-probed",
    endpoints: [
      // Known to be there by its models' list only, which is another's: its own port is dead.
      { name: "flaky", url: `http://127.0.0.1:${findDeadPort()}`, type: "openai-compatible", priority: 200 },
      { name: "main", url: main.url, type: "openai-compatible", priority: 100 },
      { name: "narrow", url: narrow.url, type: "openai-compatible", priority: 50, max_concurrent: 1 },
    ],
    proxy: { engine: "olla", queue: { max: 5, timeout: "30s" } },
  });
  await waitUntil(async () => (await scrape()).numberOf("olla_endpoints_healthy") === 2, {
    what: "two of three are healthy",
  });
});

afterAll(async () => {
  await olla[Symbol.asyncDispose]();
  await main[Symbol.asyncDispose]();
  await narrow[Symbol.asyncDispose]();
});

async function scrape(): Promise<Scrape> {
  const response = await fetch(`${olla.url}/internal/metrics`);
  expect(response.status).toBe(200);
  return parseScrape(await response.text());
}

function ask(body: object, path = chatPath, init: RequestInit = {}): Promise<Response> {
  const messages = [{ role: "user", content: "hi" }];
  return fetch(`${olla.url}${path}`, {
    method: "POST",
    body: JSON.stringify({ messages, ...body }),
    ...init,
  });
}

/** By how much each of the series has grown when all of them have grown at least by what is expected. */
async function growth(
  act: () => Promise<unknown>,
  expected: Readonly<Record<string, number>>,
): Promise<Record<string, number>> {
  const before = await scrape();
  await act();
  const read = async () => {
    const now = await scrape();
    return Object.fromEntries(
      Object.keys(expected).map((key) => [
        key,
        Math.round((now.numberOf(key) - before.numberOf(key)) * 1e6) / 1e6,
      ]),
    );
  };
  await waitUntil(
    async () => Object.entries(await read()).every(([key, grown]) => grown >= (expected[key] ?? 0)),
    { what: `growth of ${JSON.stringify(expected)}` },
  ).catch(async (cause: unknown) => {
    throw new Error(`grown: ${JSON.stringify(await read())}`, { cause });
  });
  return await read();
}

async function expectGrowth(act: () => Promise<unknown>, expected: Readonly<Record<string, number>>) {
  expect(await growth(act, expected)).toEqual(expected);
}

const requests = (route: string, code: string) =>
  `olla_http_requests_total{route="${route}",method="POST",code="${code}"}`;
const attempts = (endpoint: string, model: string, outcome: string) =>
  `olla_upstream_attempts_total{endpoint="${endpoint}",model="${model}",outcome="${outcome}"}`;

test("an answer", async () => {
  main.behave = answerJson(completionOf("hello"));
  await expectGrowth(async () => await (await ask({ model: "tiny" })).text(), {
    [requests("openai", "2xx")]: 1,
    [attempts("main", "tiny", "ok")]: 1,
    'olla_http_request_duration_seconds_count{route="openai",stream="false"}': 1,
    'olla_upstream_duration_seconds_count{endpoint="main",model="tiny"}': 1,
    'olla_model_requests_total{model="tiny"}': 1,
    'olla_model_successful_requests_total{model="tiny"}': 1,
    'olla_model_routing_hits_total{model="tiny"}': 1,
    'olla_routing_decisions_total{model="tiny",strategy="strict",reason="model_found"}': 1,
    'olla_tokens_total{endpoint="main",model="tiny",type="input"}': 3,
    'olla_overhead_seconds_count{phase="parse"}': 1,
    'olla_overhead_seconds_count{phase="route"}': 1,
    olla_requests_total: 1,
    olla_failures_total: 0,
  });
});

test("a stream has a first token, and time for each further one", async () => {
  main.behave = async (exchange) => {
    await exchange.startChunked(200, { "Content-Type": "text/event-stream" });
    for (const token of ["a", "b", "c"]) await exchange.chunk(sseToken(token));
    const usage = { prompt_tokens: 4, completion_tokens: 3, total_tokens: 7 };
    await exchange.chunk(`data: ${JSON.stringify({ choices: [], usage })}\n\n`);
    await exchange.chunk(sseDone);
    await exchange.endChunked();
  };
  await expectGrowth(async () => await collectSse((await ask({ model: "tiny", stream: true })).body), {
    'olla_http_request_duration_seconds_count{route="openai",stream="true"}': 1,
    'olla_http_time_to_first_token_seconds_count{route="openai"}': 1,
    'olla_upstream_time_to_first_token_seconds_count{endpoint="main",model="tiny"}': 1,
    'olla_upstream_inter_token_latency_seconds_count{endpoint="main",model="tiny"}': 1,
    'olla_tokens_total{endpoint="main",model="tiny",type="output"}': 3,
    'olla_request_endings_total{ending="client-abort"}': 0,
  });
});

test("a translated answer counts by its route, and once", async () => {
  main.behave = answerJson(completionOf("hello"));
  const act = async () =>
    await (await ask({ model: "tiny", max_tokens: 9 }, "/olla/anthropic/v1/messages")).text();
  await expectGrowth(act, {
    [requests("anthropic", "2xx")]: 1,
    [requests("openai", "2xx")]: 0,
    [attempts("main", "tiny", "ok")]: 1,
  });
});

test("a refusal that no other endpoint can better", async () => {
  main.behave = answerJson({ error: "busy" }, 503);
  await expectGrowth(async () => await (await ask({ model: "tiny" })).text(), {
    [requests("openai", "5xx")]: 1,
    [attempts("main", "tiny", "http_5xx")]: 1,
    'olla_model_failed_requests_total{model="tiny"}': 1,
    'olla_model_endpoint_consecutive_errors{model="tiny",endpoint="main"}': 1,
  });
});

test("a client that leaves counts for nobody", async () => {
  main.behave = hangBeforeHead;
  const act = async () => {
    const leaving = new AbortController();
    const asked = main.requests.length;
    const answer = ask({ model: "tiny" }, chatPath, { signal: leaving.signal }).catch(() => undefined);
    await waitUntil(() => main.requests.length > asked);
    leaving.abort();
    await answer;
  };
  await expectGrowth(act, {
    'olla_request_endings_total{ending="client-abort"}': 1,
    [attempts("main", "tiny", "aborted")]: 1,
    'olla_model_failed_requests_total{model="tiny"}': 0,
    olla_failures_total: 0,
  });
});

test("a stream that breaks is a failure of the endpoint's", async () => {
  main.behave = async (exchange) => {
    await exchange.startChunked(200, { "Content-Type": "text/event-stream" });
    await exchange.chunk(sseToken("he"));
    exchange.reset();
  };
  const act = async () => await (await ask({ model: "tiny", stream: true })).text().catch(() => "cut");
  await expectGrowth(act, {
    [attempts("main", "tiny", "stream_broken")]: 1,
    'olla_request_endings_total{ending="upstream-error"}': 1,
    'olla_model_failed_requests_total{model="tiny"}': 1,
    olla_failures_total: 1,
  });
});

test("a request that is refused has a reason, and its made-up model no series", async () => {
  await expectGrowth(async () => await (await ask({ model: "made-up-by-a-client" })).text(), {
    [requests("openai", "4xx")]: 1,
    'olla_rejected_requests_total{reason="model_not_found"}': 1,
    'olla_model_routing_misses_total{model="other"}': 1,
    'olla_request_endings_total{ending="rejected"}': 1,
    olla_requests_total: 0,
  });
  expect((await scrape()).text).not.toContain("made-up-by-a-client");
});

test("a request that waits for its place is seen waiting, and then counted", async () => {
  const place = Promise.withResolvers<void>();
  const slow: Behaviour = async (exchange) => {
    await place.promise;
    await answerJson(completionOf("at last", "narrow"))(exchange);
  };
  narrow.behave = slow;
  const act = async () => {
    const first = ask({ model: "narrow" });
    await waitUntil(() => narrow.requests.length === 1);
    const second = ask({ model: "narrow" });
    const seen = await waitUntil(async () => {
      const now = await scrape();
      return now.numberOf('olla_queue_depth{endpoint="narrow"}') === 1 && now;
    });
    expect(seen.numberOf('olla_live_requests{phase="queued"}')).toBe(1);
    expect(seen.numberOf('olla_inflight_requests{endpoint="narrow"}')).toBe(1);
    place.resolve();
    await Promise.all([first, second].map(async (answer) => await (await answer).text()));
  };
  await expectGrowth(act, {
    'olla_queue_wait_seconds_count{endpoint="narrow"}': 1,
    'olla_queue_outcomes_total{outcome="admitted"}': 1,
    [attempts("narrow", "narrow", "ok")]: 2,
  });
  const after = await scrape();
  expect(after.numberOf('olla_queue_depth{endpoint="narrow"}')).toBe(0);
  expect(after.numberOf('olla_inflight_requests{endpoint="narrow"}')).toBe(0);
});

test("an endpoint that keeps failing opens its circuit breaker", async () => {
  narrow.behave = (exchange) => exchange.reset();
  const act = async () => {
    for (let round = 0; round < 6; round++) await (await ask({ model: "narrow" })).text();
  };
  await growth(act, { 'olla_circuit_transitions_total{endpoint="narrow",to="open"}': 1 });
  const { numberOf } = await scrape();
  expect(numberOf('olla_circuit_state{endpoint="narrow"}')).toBe(2);
  expect(numberOf('olla_rejected_requests_total{reason="circuit_open"}')).toBeGreaterThan(0);
  expect(numberOf(attempts("narrow", "narrow", "connect_error"))).toBeGreaterThan(2);
});

test("a request that an operator ends counts for nobody", async () => {
  main.behave = hangBeforeHead;
  const act = async () => {
    const asked = main.requests.length;
    const answer = ask({ model: "tiny" }, chatPath, { headers: { "X-Request-ID": "to-be-ended" } });
    await waitUntil(() => main.requests.length > asked);
    await fetch(`${olla.url}/internal/requests/to-be-ended/cancel`, { method: "POST" });
    await (await answer).text();
  };
  await expectGrowth(act, {
    'olla_request_endings_total{ending="cancelled"}': 1,
    [attempts("main", "tiny", "cancelled")]: 1,
    'olla_model_failed_requests_total{model="tiny"}': 0,
    olla_failures_total: 0,
  });
});

test("the fleet is as it is", async () => {
  const { numberOf } = await scrape();
  expect(numberOf("olla_endpoints_total")).toBe(3);
  expect(numberOf('olla_endpoint_up{endpoint="flaky",status="offline"}')).toBe(0);
  expect(numberOf('olla_endpoint_models_count{endpoint="main"}')).toBe(2);
  expect(numberOf("process_resident_memory_bytes")).toBeGreaterThan(10_000_000);
  expect(numberOf("process_start_time_seconds")).toBeGreaterThan(1.7e9);
});

test("the JSON statistics say the same", async () => {
  const read = async (path: string) =>
    (await (await fetch(`${olla.url}${path}`)).json()) as Record<string, unknown>;
  const { numberOf } = await scrape();
  const { system } = await read("/internal/status");
  expect(system).toMatchObject({
    total_requests: numberOf("olla_requests_total"),
    total_failures: numberOf("olla_failures_total"),
  });
  const { models } = await read("/internal/stats/models?include_endpoints=true");
  const tiny = (models as readonly Record<string, unknown>[]).find(({ name }) => name === "tiny");
  expect(tiny).toMatchObject({
    total_requests: numberOf('olla_model_requests_total{model="tiny"}'),
    successful_requests: numberOf('olla_model_successful_requests_total{model="tiny"}'),
    endpoint_breakdown: {
      main: { request_count: numberOf('olla_model_endpoint_requests_total{model="tiny",endpoint="main"}') },
    },
  });
});

test("a failed attempt and the next one are told apart by who, where to and why", async () => {
  await using broken = new FakeUpstream({ models: ["shared"], behave: (exchange) => exchange.reset() });
  await using well = new FakeUpstream({ models: ["shared"], behave: streamTokens(["ok"]) });
  await using two = await startOlla({
    endpoints: [
      { name: "broken", url: broken.url, type: "openai-compatible", priority: 100 },
      { name: "well", url: well.url, type: "openai-compatible", priority: 50 },
    ],
  });
  const body = JSON.stringify({ model: "shared", stream: true, messages: [{ role: "user", content: "hi" }] });
  await (await fetch(`${two.url}${chatPath}`, { method: "POST", body })).text();
  const read = async () => parseScrape(await (await fetch(`${two.url}/internal/metrics`)).text());
  await waitUntil(async () => (await read()).numberOf(attempts("well", "shared", "ok")) === 1);
  const { series, numberOf } = await read();
  const failovers = [...series].filter(([key]) => key.startsWith("olla_fallbacks_total"));
  expect(failovers).toEqual([[expect.stringContaining('from="broken",to="well",reason="'), 1]]);
  expect(numberOf(attempts("broken", "shared", "connect_error"))).toBeGreaterThan(0);
  expect(numberOf('olla_model_requests_total{model="shared"}')).toBe(1);
  expect(numberOf('olla_model_successful_requests_total{model="shared"}')).toBe(1);
});

test("telemetry.metrics.bare_route serves the same where scrapers look by themselves", async () => {
  await using upstream = new FakeUpstream();
  const endpoints = [{ name: "one", url: upstream.url, type: "openai-compatible" }];
  await using bare = await startOlla({
    endpoints,
    sections: { telemetry: { metrics: { bare_route: true } } },
  });
  const names = async (url: string) => [...parseScrape(await (await fetch(url)).text()).types.keys()];
  expect(await names(`${bare.url}/metrics`)).toEqual(await names(`${bare.url}/internal/metrics`));
  expect((await fetch(`${olla.url}/metrics`)).status).toBe(404);
});

test("with client keys a scraper needs none, but the admin's", async () => {
  await using upstream = new FakeUpstream();
  await using guarded = await startOlla({
    readiness: "listening",
    endpoints: [{ name: "one", url: upstream.url, type: "openai-compatible" }],
    server: { admin: { key: "the-admin-key-of-this-test" } },
    sections: {
      telemetry: { metrics: { bare_route: true } },
      auth: { keys: [{ name: "ann", hash: `sha256:${"0".repeat(64)}` }] },
    },
  });
  const admin = { headers: { Authorization: "Bearer the-admin-key-of-this-test" } };
  for (const path of ["/metrics", "/internal/metrics"]) {
    expect((await fetch(`${guarded.url}${path}`)).status).toBe(401);
    expect((await fetch(`${guarded.url}${path}`, admin)).status).toBe(200);
  }
});
