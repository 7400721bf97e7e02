import { describe, expect, test } from "bun:test";
import { createFakeClock } from "../../../test/support/fake-clock.ts";
import { decodeSpans, type OtlpSpan } from "../../../test/support/otlp-decoder.ts";
import type { Endpoint } from "../../endpoints/endpoint.ts";
import type { AttemptRecord, Outcome } from "../outcome.ts";
import { OutcomeKinds } from "../outcome-kinds.ts";
import { createSpanEncoder, type EncodeSpans } from "./encode-spans.ts";
import { createEnvelope } from "./envelope.ts";
import { providerOf, readPath } from "./operations.ts";
import { RequestTrace } from "./request-trace.ts";
import { type Convention, type GenAiMeasurement, genAiName, genAiNames } from "./span-names.ts";
import { type SpanBatch, SpanQueue } from "./span-queue.ts";
import { TraceIds } from "./trace-ids.ts";

const ids = new TraceIds();
const kinds = new OutcomeKinds();
const usual: Outcome = {
  requestId: "id",
  receivedAt: Date.UTC(2026, 0, 1),
  method: "POST",
  path: "/olla/openai/v1/chat/completions",
  route: "openai",
  query: "",
  clientAddress: "10.0.0.1",
  userAgent: undefined,
  model: "tiny",
  endpoint: "gpu",
  backendType: "vllm",
  status: 200,
  isStream: false,
  requestBytes: 10,
  responseBytes: 20,
  durationMs: 100,
  headMs: 50,
  queueMs: 0,
  stickyOutcome: undefined,
  ending: "complete",
  error: undefined,
  attempts: [],
  decision: undefined,
};

function attempt(changes: Partial<AttemptRecord> = {}): AttemptRecord {
  return {
    endpoint: "gpu",
    model: "tiny",
    durationMs: 30,
    status: 200,
    error: undefined,
    startedMs: 10,
    ...changes,
  };
}

function endpointAt(origin: string, kind = "vllm"): Endpoint {
  return { origin, profile: { name: kind } } as Endpoint;
}

async function spansOf(changes: Partial<Outcome>, origin = "http://gpu.lan:8000"): Promise<OtlpSpan[]> {
  const encode = createSpanEncoder({
    convention: "v1.41",
    servedAt: { scheme: "http", address: "localhost", port: 40114 },
    ids,
    endpointOf: (name) => (name === "gpu" ? endpointAt(origin) : undefined),
  });
  return await encodeAll(encode, { ...usual, ...changes });
}

async function encodeAll(encode: EncodeSpans, outcome: Outcome): Promise<OtlpSpan[]> {
  const batches: SpanBatch[] = [];
  const queue = new SpanQueue({
    clock: createFakeClock(),
    envelope: createEnvelope({ resource: [], version: "1", schemaUrl: "" }),
    maxBatchSpans: 100,
    maxQueuedSpans: 100,
    delayMs: 1,
    send: async (batch) => void batches.push(batch),
    onOverflow: () => {},
  });
  const origins = { traceId: ids.traceId(), parentSpanId: undefined, flags: 1, tracestate: undefined };
  const trace = new RequestTrace({ ...origins, isSampled: true }, ids);
  queue.add(1 + outcome.attempts.length, (writer) =>
    encode({ outcome, kind: kinds.of(outcome), trace }, writer),
  );
  await queue.flush();
  return batches.flatMap(({ body }) => decodeSpans(body));
}

describe("the status of a request's span", () => {
  const fault = (code: NonNullable<Outcome["error"]>["code"]) => ({ code, message: "secret words" });
  test.each<[string, Partial<Outcome>, string | undefined]>([
    ["an answer", {}, undefined],
    ["an endpoint's 404", { status: 404 }, undefined],
    ["an endpoint's 500", { status: 500 }, "500"],
    ["our own 401", { status: 401, ending: "rejected", error: fault("unauthorized") }, undefined],
    ["our own 501", { status: 501, ending: "rejected", error: fault("not_supported") }, "not_supported"],
    [
      "nobody there",
      { status: 503, ending: "rejected", error: fault("no_healthy_endpoints") },
      "no_healthy_endpoints",
    ],
    ["a full queue", { status: 429, ending: "rejected", error: fault("queue_full") }, undefined],
    ["all attempts failed", { status: 502, ending: "upstream-error", error: fault("reset") }, "reset"],
    ["an endpoint's error kept", { status: 503, ending: "complete", error: fault("upstream_status") }, "503"],
    ["a cut stream", { status: 200, ending: "upstream-error", error: fault("truncated") }, "truncated"],
    [
      "a silent stream",
      { status: 200, ending: "idle-timeout", error: fault("read_timeout") },
      "read_timeout",
    ],
    ["an operator's end", { status: 503, ending: "cancelled", error: fault("cancelled") }, "cancelled"],
    ["a client that left", { status: 499, ending: "client-abort" }, undefined],
    [
      "one that left before the head",
      { status: 499, ending: "client-abort", error: fault("client_abort") },
      undefined,
    ],
  ])("%s", async (_what, changes, expected) => {
    const [span] = await spansOf(changes);
    expect([span?.statusCode, span?.attributes["error.type"]]).toEqual([
      expected === undefined ? 0 : 2,
      expected,
    ]);
    expect(span?.statusMessage).toBe("");
  });
});

describe("the status of an attempt's span", () => {
  test.each<[string, Partial<AttemptRecord>, string | undefined]>([
    ["an answer", {}, undefined],
    ["a 404", { status: 404 }, "404"],
    ["a 503 that counts as failed", { status: 503, error: "upstream_status" }, "503"],
    ["nobody there", { status: undefined, error: "connect_refused" }, "connect_refused"],
    ["an answer that broke off", { status: 200, error: "truncated" }, "truncated"],
    ["a client that left", { status: undefined, error: "client_abort" }, undefined],
  ])("%s", async (_what, changes, expected) => {
    const [, span] = await spansOf({ attempts: [attempt(changes)] });
    expect([span?.statusCode, span?.attributes["error.type"]]).toEqual([
      expected === undefined ? 0 : 2,
      expected,
    ]);
  });
});

test("a failed attempt ends where it failed, and the one that answered with the request", async () => {
  const failed = attempt({ endpoint: "other", status: 503, error: "upstream_status" });
  const [request, first, second] = await spansOf({ attempts: [failed, attempt({ startedMs: 45 })] });
  const at = (span: OtlpSpan | undefined) =>
    [span?.startNano ?? 0n, span?.endNano ?? 0n].map(
      (nano) => Number(nano - BigInt(usual.receivedAt) * 1_000_000n) / 1e6,
    );
  expect([at(request), at(first), at(second)]).toEqual([
    [0, 100],
    [10, 40],
    [45, 100],
  ]);
});

test("an endpoint that is gone has no address, and one with a usual port has it", async () => {
  const gone = await spansOf({ attempts: [attempt({ endpoint: "gone" })] });
  expect([gone[1]?.attributes["server.address"], gone[1]?.attributes["gen_ai.provider.name"]]).toEqual([
    undefined,
    undefined,
  ]);
  const ports = await Promise.all(
    ["https://api.openai.com", "http://[::1]", "http://box:1234"].map(async (origin) => {
      const attributes = (await spansOf({ attempts: [attempt()] }, origin))[1]?.attributes ?? {};
      return [attributes["server.address"], attributes["server.port"]];
    }),
  );
  expect(ports).toEqual([
    ["api.openai.com", 443],
    ["::1", 80],
    ["box", 1234],
  ]);
});

test("what is remembered of a path, an endpoint and a model is theirs alone", async () => {
  const encode = createSpanEncoder({
    convention: "v1.41",
    servedAt: { scheme: "http", address: undefined, port: undefined },
    ids,
    endpointOf: (name) => endpoints[name],
  });
  const endpoints: Record<string, Endpoint> = { a: endpointAt("http://a:1"), b: endpointAt("http://b:2") };
  const asked: readonly (readonly [method: string, path: string, endpoint: string, model: string])[] = [
    ["POST", "/olla/openai/v1/chat/completions", "a", "x"],
    ["POST", "/olla/openai/v1/chat/completions", "a", "y"],
    ["POST", "/olla/openai/v1/chat/completions", "b", "x"],
    ["POST", "/olla/openai/v1/embeddings", "a", "x"],
    ["PUT", "/olla/openai/v1/embeddings", "a", "x"],
  ];
  for (const round of [1, 2]) {
    for (const [method, path, endpoint, model] of asked) {
      const outcome = { ...usual, method, path, endpoint, attempts: [attempt({ endpoint, model })] };
      const [request, made] = await encodeAll(encode, outcome);
      const operation = path.endsWith("embeddings") ? "embeddings" : "chat";
      expect([round, request?.name, made?.name]).toEqual([
        round,
        `${method} ${path}`,
        `${operation} ${model}`,
      ]);
      expect(made?.attributes).toMatchObject({ "server.address": endpoint, "gen_ai.request.model": model });
    }
  }
});

test("what a client invents is cut, and its method is no name", async () => {
  const [span] = await spansOf({
    method: "STEAL",
    path: `/olla/openai/${"x".repeat(5000)}`,
    userAgent: "y".repeat(5000),
    requestId: "z".repeat(5000),
  });
  expect(span?.name).toBe("HTTP /olla/openai/*");
  expect(span?.attributes["http.request.method"]).toBe("_OTHER");
  expect(span?.attributes["http.request.method_original"]).toBe("STEAL");
  const lengths = ["url.path", "user_agent.original", "olla.request_id"].map(
    (name) => String(span?.attributes[name]).length,
  );
  expect(lengths).toEqual([1024, 256, 256]);
});

describe("a path", () => {
  test.each([
    ["/olla/openai/v1/chat/completions", "openai", "/olla/openai/v1/chat/completions", "chat"],
    ["/v1/chat/completions", "openai", "/v1/chat/completions", "chat"],
    ["/olla/openai/chat/completions", "openai", "/olla/openai/chat/completions", "chat"],
    ["/olla/LM_Studio/v1/embeddings", "lm-studio", "/olla/lm-studio/v1/embeddings", "embeddings"],
    ["/olla/proxy/v1/completions", "proxy", "/olla/proxy/v1/completions", "text_completion"],
    ["/olla/anthropic/v1/messages", "anthropic", "/olla/anthropic/v1/messages", "chat"],
    ["/olla/proxy/v1/responses", "proxy", "/olla/proxy/v1/responses", "chat"],
    ["/olla/ollama/api/generate", "ollama", "/olla/ollama/api/generate", "text_completion"],
    ["/api/embed", "proxy", "/api/embed", "embeddings"],
    ["/olla/proxy/v1/rerank", "proxy", "/olla/proxy/v1/rerank", "rerank"],
    ["/olla/proxy/v1/models", "proxy", "/olla/proxy/v1/models", undefined],
    ["/olla/proxy/v1/models/some/model", "proxy", "/olla/proxy/*", undefined],
    ["/olla/proxy", "proxy", "/olla/proxy/*", undefined],
    ["/olla/nonsense/v1/chat/completions", "other", undefined, undefined],
    ["/olla/vllm/v1/models", "models", "/olla/{route}/v1/models", undefined],
    ["/v1/models", "models", "/v1/models", undefined],
    ["/olla/nonsense/at-all", "models", undefined, undefined],
    // The same path was of another route a moment ago.
    ["/olla/proxy/v1/models", "models", "/olla/{route}/v1/models", undefined],
  ])("%s of route %s", (path, label, route, operation) => {
    expect(readPath(path, label)).toMatchObject({ route, operation });
    // The second time it is remembered.
    expect(readPath(path, label)).toMatchObject({ route, operation });
  });
});

test.each([
  ["http://box:8000", "vllm", "vllm"],
  ["http://box:8000", "openai-compatible", "openai"],
  ["https://api.openai.com", "openai-compatible", "openai"],
  ["https://mine.openai.azure.com", "openai-compatible", "azure.ai.openai"],
  ["https://api.anthropic.com", "litellm", "anthropic"],
  ["https://bedrock-runtime.eu-west-1.amazonaws.com", "openai-compatible", "aws.bedrock"],
  ["https://europe-west1-aiplatform.googleapis.com", "openai-compatible", "gcp.vertex_ai"],
  ["https://api.x.ai", "openai-compatible", "x_ai"],
  ["https://notopenai.com.evil", "ollama", "ollama"],
])("whoever is asked at %s as %s is called %s", (origin, kind, provider) => {
  expect(providerOf(endpointAt(origin, kind), new URL(origin).hostname)).toBe(provider);
});

test("the names of both versions of the conventions are these", () => {
  const names = (convention: Convention) =>
    (Object.keys(genAiNames) as GenAiMeasurement[]).map((measurement) => genAiName(measurement, convention));
  const same = [
    "gen_ai.operation.name",
    "gen_ai.provider.name",
    "gen_ai.request.model",
    "gen_ai.request.stream",
    "gen_ai.response.model",
    "gen_ai.response.finish_reasons",
    "gen_ai.response.time_to_first_chunk",
    "gen_ai.usage.input_tokens",
    "gen_ai.usage.output_tokens",
    "gen_ai.usage.cache_read.input_tokens",
  ];
  const last = "gen_ai.usage.reasoning.output_tokens";
  expect(names("v1.41")).toEqual([...same, "gen_ai.usage.cache_creation.input_tokens", last]);
  expect(names("latest")).toEqual([...same, "gen_ai.usage.cache_write.input_tokens", last]);
});
