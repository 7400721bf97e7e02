// Traces as a collector gets them, for every way in which a request can go, through the whole app.
import { describe, expect, test } from "bun:test";
import { OtlpReceiver, type ReceivedTrace } from "../support/otlp-receiver.ts";
import type { Exchange } from "../support/socket-server.ts";
import {
  ask,
  clientParent,
  clientSpan,
  clientTrace,
  expectWellFormed,
  onlyTrace,
  parentOf,
  startTraced,
} from "../support/traced-olla.ts";
import { answerJson, completionOf, hangBeforeHead, TokenStream } from "../support/upstream-behaviours.ts";
import { waitUntil } from "../support/wait-until.ts";

test("a request makes a span, its attempt one below it, and the endpoint learns of that one", async () => {
  await using traced = await startTraced();
  const headers = { traceparent: clientParent, tracestate: "vendor=x, other=y", "user-agent": "tester/1" };
  expect((await ask(traced.olla, { headers })).status).toBe(200);
  const trace = await onlyTrace(traced, 1);
  const { request, attempts } = trace;
  const [attempt] = attempts;
  expectWellFormed(trace);
  expect(request).toMatchObject({
    traceId: clientTrace,
    parentSpanId: clientSpan,
    traceState: "vendor=x,other=y",
    name: "POST /olla/proxy/v1/chat/completions",
    statusCode: 0,
    flags: 0x301,
    scope: { name: "olla" },
    schemaUrl: "https://opentelemetry.io/schemas/1.41.0",
  });
  expect(request.resource).toMatchObject({ "service.name": "olla", "process.runtime.name": "bun" });
  expect(request.attributes).toMatchObject({
    "http.request.method": "POST",
    "http.route": "/olla/proxy/v1/chat/completions",
    "http.response.status_code": 200,
    "url.path": "/olla/proxy/v1/chat/completions",
    "url.scheme": "http",
    "client.address": "127.0.0.1",
    "user_agent.original": "tester/1",
    "server.address": "127.0.0.1",
    "olla.route": "proxy",
    "olla.endpoint": "first",
    "olla.backend_type": "vllm",
    "olla.model": "tiny",
    "olla.attempts": 1,
    "olla.queue_ms": 0,
    "olla.ending": "complete",
    "olla.routing.action": "routed",
  });
  expect(attempt).toMatchObject({
    name: "chat tiny",
    statusCode: 0,
    parentSpanId: request.spanId,
    flags: 0x101,
  });
  expect(attempt?.attributes).toEqual({
    "server.address": "127.0.0.1",
    "server.port": traced.first.port,
    "http.response.status_code": 200,
    "olla.endpoint": "first",
    "olla.attempt": 1,
    "olla.queue_ms": 0,
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "vllm",
    "gen_ai.request.model": "tiny",
    "gen_ai.response.model": "tiny",
    "gen_ai.response.finish_reasons": ["stop"],
    "gen_ai.usage.input_tokens": 3,
    "gen_ai.usage.output_tokens": 1,
  });
  expect(parentOf(traced.first)).toBe(`00-${clientTrace}-${attempt?.spanId}-01`);
  expect(traced.first.requests[0]?.header("tracestate")).toBe("vendor=x,other=y");
});

test("a request that nobody traces begins a trace, which its log line names", async () => {
  await using traced = await startTraced();
  await ask(traced.olla, { headers: { traceparent: "00-nonsense", tracestate: "a=1" } });
  const trace = await onlyTrace(traced, 1);
  expectWellFormed(trace);
  expect(trace.request).toMatchObject({ parentSpanId: "", traceState: "", flags: 0x103 });
  const { traceId, spanId } = trace.attempts[0] ?? { traceId: "", spanId: "" };
  expect(parentOf(traced.first)).toBe(`00-${traceId}-${spanId}-03`);
  // What stood beside a nonsensical parent is nonsense as well.
  expect(traced.first.requests[0]?.header("tracestate")).toBeUndefined();
  expect(traced.olla.accessLog().map((line) => line.trace_id)).toContain(traceId);
});

test("a stream's spans last until its end, and tell when it began", async () => {
  const streams: TokenStream[] = [];
  await using traced = await startTraced(
    async (exchange) => void streams.push(await TokenStream.start(exchange)),
  );
  const answer = ask(traced.olla, { body: { stream: true } });
  const stream = await waitUntil(() => streams[0]);
  await stream.push("a");
  const reader = (await answer).body?.getReader();
  await reader?.read();
  const firstAt = performance.now();
  await waitUntil(() => performance.now() - firstAt > 30);
  await stream.push("b");
  await stream.end();
  while ((await reader?.read())?.done === false);
  const trace = await onlyTrace(traced, 1);
  expectWellFormed(trace);
  const [attempt] = trace.attempts;
  expect(Number(trace.request.endNano - trace.request.startNano)).toBeGreaterThan(30e6);
  expect(Number((attempt?.endNano ?? 0n) - (attempt?.startNano ?? 0n))).toBeGreaterThan(30e6);
  expect(attempt?.attributes["gen_ai.request.stream"]).toBe(true);
  expect(trace.request.attributes["olla.stream"]).toBe(true);
  const seconds = Number(attempt?.attributes["gen_ai.response.time_to_first_chunk"]);
  expect(seconds).toBeGreaterThan(0);
  expect(seconds * 1e9).toBeLessThan(Number((attempt?.endNano ?? 0n) - (attempt?.startNano ?? 0n)) - 25e6);
});

test("a translated request is told as what the client asked", async () => {
  await using traced = await startTraced(undefined, {
    sections: { translators: { anthropic: { enabled: true, passthrough_enabled: false } } },
  });
  const answer = await ask(traced.olla, { path: "/olla/anthropic/v1/messages", body: { max_tokens: 5 } });
  expect(answer.status).toBe(200);
  const trace = await onlyTrace(traced, 1);
  expectWellFormed(trace);
  expect(trace.request.name).toBe("POST /olla/anthropic/v1/messages");
  expect(trace.request.attributes).toMatchObject({ "olla.api": "anthropic", "olla.translated": true });
  expect(trace.attempts[0]?.name).toBe("chat tiny");
  expect(traced.first.requests[0]?.target).toBe("/v1/chat/completions");
  expect(parentOf(traced.first)).toContain(trace.attempts[0]?.spanId ?? "none");
});

test.each(["sherpa", "olla"])(
  "each attempt of a failover has a span, and each endpoint its own parent (%s)",
  async (engine) => {
    await using traced = await startTraced(answerJson({ error: { message: "busy" } }, 503), {
      proxy: { engine },
    });
    expect((await ask(traced.olla)).status).toBe(200);
    const trace = await onlyTrace(traced, 2);
    expectWellFormed(trace);
    const [failed, served] = trace.attempts;
    expect(failed).toMatchObject({ statusCode: 2, statusMessage: "" });
    expect(failed?.attributes).toMatchObject({
      "error.type": "503",
      "http.response.status_code": 503,
      "olla.endpoint": "first",
      "olla.attempt": 1,
    });
    expect(served).toMatchObject({ statusCode: 0 });
    expect(served?.attributes).toMatchObject({ "olla.endpoint": "second", "olla.attempt": 2 });
    expect(trace.request.statusCode).toBe(0);
    expect(trace.request.attributes["olla.attempts"]).toBe(2);
    expect(parentOf(traced.first)).toContain(failed?.spanId ?? "none");
    expect(parentOf(traced.second)).toContain(served?.spanId ?? "none");
    expect(failed?.spanId).not.toBe(served?.spanId);
  },
);

test("an endpoint that resets the connection is an error by its own name", async () => {
  await using traced = await startTraced((exchange) => exchange.reset());
  traced.second.behave = (exchange) => exchange.reset();
  const { status } = await ask(traced.olla);
  expect(status).toBe(502);
  const trace = await waitUntil(() => traced.receiver.traces()[0]);
  expect(trace.request).toMatchObject({ statusCode: 2 });
  const types = trace.attempts.map(({ attributes }) => attributes["error.type"]);
  expect(new Set(types)).toEqual(new Set([trace.request.attributes["error.type"]]));
  expect(types[0]).toBeString();
  expect(trace.attempts[0]?.attributes["http.response.status_code"]).toBeUndefined();
});

test("a client that leaves is no error, and was answered nothing", async () => {
  await using traced = await startTraced(hangBeforeHead);
  const controller = new AbortController();
  const answer = ask(traced.olla, { signal: controller.signal }).catch(() => "left");
  await waitUntil(() => traced.first.requests.length === 1);
  controller.abort();
  expect(await answer).toBe("left");
  const trace = await onlyTrace(traced, 1);
  expectWellFormed(trace);
  expect([trace.request.statusCode, trace.attempts[0]?.statusCode]).toEqual([0, 0]);
  expect(trace.request.attributes["olla.ending"]).toBe("client-abort");
  expect(trace.request.attributes["http.response.status_code"]).toBeUndefined();
});

test("a stream that is cut is an error of both spans", async () => {
  let isRead = false;
  await using traced = await startTraced(async (exchange) => {
    const stream = await TokenStream.start(exchange);
    await stream.push("a");
    await waitUntil(() => isRead);
    stream.reset();
  });
  const answer = await ask(traced.olla, { body: { stream: true } });
  const reader = answer.body?.getReader();
  await reader?.read();
  isRead = true;
  await reader?.read().catch(() => undefined);
  await reader?.cancel();
  const trace = await onlyTrace(traced, 1);
  expectWellFormed(trace);
  expect([trace.request.statusCode, trace.attempts[0]?.statusCode]).toEqual([2, 2]);
  expect(trace.request.attributes).toMatchObject({
    "http.response.status_code": 200,
    "olla.ending": "upstream-error",
  });
  expect(trace.request.attributes["error.type"]).toBe(trace.attempts[0]?.attributes["error.type"] ?? "none");
});

test("a rejected request has a span and no attempt, and a client's mistake is no error", async () => {
  await using traced = await startTraced();
  expect((await ask(traced.olla, { body: { model: "nobody-has-it" } })).status).toBe(404);
  const trace = await onlyTrace(traced, 0);
  expect(trace.request).toMatchObject({ statusCode: 0 });
  expect(trace.request.attributes).toMatchObject({
    "http.response.status_code": 404,
    "olla.ending": "rejected",
    "olla.attempts": 0,
    "olla.requested_model": "nobody-has-it",
  });
});

test("a request that waited for a place tells how long", async () => {
  const waiting: Exchange[] = [];
  await using traced = await startTraced((exchange) => void waiting.push(exchange), {
    endpoint: { max_concurrent: 1 },
    proxy: { queue: { max: 5, timeout: "5s" } },
  });
  const body = { model: "only-first" };
  const one = ask(traced.olla, { body });
  await waitUntil(() => waiting.length === 1);
  const other = ask(traced.olla, { body });
  await waitUntil(async () => {
    const status = await fetch(`${traced.olla.url}/internal/status/endpoints`);
    return /"depth":\s*1/.test(await status.text());
  });
  const waitedFrom = performance.now();
  await waitUntil(() => performance.now() - waitedFrom > 20);
  await waiting[0]?.respondJson(completionOf("hello"));
  await waitUntil(() => waiting.length === 2);
  await waiting[1]?.respondJson(completionOf("hello"));
  expect([(await one).status, (await other).status]).toEqual([200, 200]);
  const [first, second] = await traced.receiver.waitForTraces(2);
  if (first === undefined || second === undefined) throw new Error("two traces were waited for");
  expectWellFormed(second);
  expect(first.request.attributes["olla.queue_ms"]).toBeLessThan(20);
  expect(second.request.attributes["olla.queue_ms"]).toBeGreaterThan(20);
  const [attempt] = second.attempts;
  expect(attempt?.attributes["olla.queue_ms"]).toBeGreaterThan(20);
  // An attempt begins when its place was given.
  expect(Number((attempt?.startNano ?? 0n) - second.request.startNano)).toBeGreaterThan(20e6);
});

test("a question for a number of tokens is told as part of the request", async () => {
  await using traced = await startTraced(answerJson({ input_tokens: 7 }));
  const path = "/olla/anthropic/v1/messages/count_tokens";
  expect((await ask(traced.olla, { path, headers: { traceparent: clientParent } })).status).toBe(200);
  const { request } = await onlyTrace(traced, 0);
  expect(request).toMatchObject({ parentSpanId: clientSpan, name: `POST ${path}` });
  expect(parentOf(traced.first)).toBe(`00-${clientTrace}-${request.spanId}-01`);
});

test("a path that is no known one stays out of names, and its query out of everything", async () => {
  await using traced = await startTraced(answerJson({}));
  const path = "/olla/vllm/v1/secret-project-7?api_key=canary";
  expect((await ask(traced.olla, { path })).status).toBe(200);
  const { request, attempts } = await onlyTrace(traced, 1);
  expect([request.name, attempts[0]?.name]).toEqual(["POST /olla/vllm/*", "POST"]);
  expect(request.attributes["url.path"]).toBe("/olla/vllm/v1/secret-project-7");
  expect(attempts[0]?.attributes["gen_ai.operation.name"]).toBeUndefined();
  expect(JSON.stringify(request.attributes)).not.toContain("canary");
});

test("what operators and strangers ask makes no trace, and a list of models does", async () => {
  await using traced = await startTraced();
  for (const path of [
    "/internal/health",
    "/internal/status",
    "/version",
    "/",
    "/nothing",
    "/internal/nothing",
  ]) {
    await (await fetch(`${traced.olla.url}${path}`)).text();
  }
  await (await fetch(`${traced.olla.url}/olla/proxy/v1/models`)).text();
  const { request } = await onlyTrace(traced, 0);
  expect(request.attributes["url.path"]).toBe("/olla/proxy/v1/models");
  expect(request.name).toBe("GET /olla/{route}/v1/models");
});

describe("the share of traces", () => {
  const unsampled = clientParent.replace(/01$/, "00");

  test("0 traces nothing of its own, and endpoints are told so", async () => {
    await using traced = await startTraced(undefined, { otlp: { sample_ratio: 0 } });
    await ask(traced.olla);
    expect(parentOf(traced.first)).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-02$/);
    // What its client traces is traced all the same; and nothing came before that.
    await ask(traced.olla, { headers: { traceparent: clientParent } });
    const { request } = await onlyTrace(traced, 1);
    expect(request.traceId).toBe(clientTrace);
  });

  test("of a client that does not record is its own, and its words go on as they are", async () => {
    await using traced = await startTraced(undefined, { otlp: { sample_ratio: 1 } });
    await ask(traced.olla, { headers: { traceparent: unsampled, tracestate: "a=1 , b=2" } });
    expect(parentOf(traced.first)).toBe(unsampled);
    expect(traced.first.requests[0]?.header("tracestate")).toBe("a=1 , b=2");
    await ask(traced.olla);
    const { request } = await onlyTrace(traced, 1);
    expect(request.traceId).not.toBe(clientTrace);
  });
});

test("telemetry.otlp.enabled: false leaves the client's words as they are and sends nothing", async () => {
  await using traced = await startTraced(undefined, { otlp: { enabled: false } });
  const headers = { traceparent: "anything", tracestate: "at all" };
  await ask(traced.olla, { headers });
  expect([parentOf(traced.first), traced.first.requests[0]?.header("tracestate")]).toEqual([
    "anything",
    "at all",
  ]);
  await traced.olla.stop();
  expect([traced.receiver.deliveries.length, traced.receiver.faults]).toEqual([0, []]);
});

test("telemetry.otlp.headers go to the collector, and the variable's place is used", async () => {
  await using receiver = new OtlpReceiver();
  await using traced = await startTraced(undefined, {
    receiver,
    otlp: { endpoint: undefined, headers: { "X-Team": "blue" } },
    env: { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${receiver.url}/here`, OTEL_SERVICE_NAME: "front" },
  });
  await ask(traced.olla);
  const [{ request }] = (await receiver.waitForTraces(1)) as [ReceivedTrace];
  expect([receiver.deliveries[0]?.path, receiver.deliveries[0]?.headers.get("x-team")]).toEqual([
    "/here",
    "blue",
  ]);
  expect(request.resource["service.name"]).toBe("front");
});

test("the newer names of the conventions come by their own variable", async () => {
  const usage = {
    input_tokens: 4,
    output_tokens: 2,
    cache_read_input_tokens: 8,
    cache_creation_input_tokens: 16,
  };
  const message = {
    id: "msg_1",
    type: "message",
    role: "assistant",
    model: "tiny",
    content: [{ type: "text", text: "hi" }],
    stop_reason: "end_turn",
    usage,
  };
  const told = async (env: Readonly<Record<string, string>>) => {
    await using traced = await startTraced(answerJson(message), { env });
    await ask(traced.olla, { path: "/olla/anthropic/v1/messages", body: { max_tokens: 5 } });
    return (await onlyTrace(traced, 1)).attempts[0];
  };
  const usual = await told({});
  expect(usual?.attributes).toMatchObject({
    // All of the prompt, although Anthropic counts it in three parts.
    "gen_ai.usage.input_tokens": 28,
    "gen_ai.usage.cache_read.input_tokens": 8,
    "gen_ai.usage.cache_creation.input_tokens": 16,
  });
  const latest = await told({ OTEL_SEMCONV_STABILITY_OPT_IN: "gen_ai_latest_experimental" });
  expect(latest?.attributes["gen_ai.usage.cache_write.input_tokens"]).toBe(16);
  expect(latest?.attributes["gen_ai.usage.cache_creation.input_tokens"]).toBeUndefined();
  expect(latest?.schemaUrl).toBe("https://opentelemetry.io/schemas/gen-ai/1.42.0");
});
