import { expect, test } from "bun:test";
import { type ErrorCode, errorTable } from "../../src/errors.ts";
import type { LogFields, LogLevel } from "../../src/lib/log.ts";
import type { Outcome } from "../../src/observe/outcome.ts";
import { createRecorder } from "../../src/observe/recorder.ts";
import { outcomeOf } from "./test-server.ts";

function linesOf(outcome: Outcome, isAccessLogEnabled = true, threshold: LogLevel = "debug") {
  const order: LogLevel[] = ["debug", "info", "warn", "error"];
  const lines: { level: LogLevel; fields: LogFields }[] = [];
  const write =
    (level: LogLevel) =>
    (_message: string, fields: LogFields = {}) =>
      void lines.push({ level, fields });
  const counted: Outcome[] = [];
  createRecorder({
    stats: { recordOutcome: (each) => void counted.push(each) },
    logger: {
      debug: write("debug"),
      info: write("info"),
      warn: write("warn"),
      error: write("error"),
      isEnabled: (level) => order.indexOf(level) >= order.indexOf(threshold),
    },
    isAccessLogEnabled,
  }).record(outcome);
  expect(counted).toEqual([outcome]);
  return lines;
}

const noAnswer = { endpoint: undefined, attempts: [] } as const;

test.each([
  ["a proxied success", {}, "info"],
  ["an endpoint's 404", { status: 404 }, "info"],
  ["an endpoint's 500", { status: 500 }, "warn"],
  [
    "a hang-up",
    { status: 499, ending: "client-abort", error: { code: "client_abort", message: "" } },
    "info",
  ],
  ["a stream that broke", { ending: "upstream-error", error: { code: "truncated", message: "" } }, "warn"],
  [
    "nobody healthy",
    { ...noAnswer, status: 503, error: { code: "no_healthy_endpoints", message: "" } },
    "warn",
  ],
  ["an unknown model", { ...noAnswer, status: 404, error: { code: "model_not_found", message: "" } }, "info"],
  ["our own fault", { ...noAnswer, status: 500, error: { code: "internal", message: "" } }, "error"],
  ["a status poll", { ...noAnswer, method: "GET", path: "/internal/status" }, "debug"],
  [
    "a status poll that found nothing new",
    { ...noAnswer, method: "HEAD", path: "/internal/status", status: 304 },
    "debug",
  ],
  [
    "a POST to a status route",
    {
      ...noAnswer,
      path: "/internal/status",
      status: 405,
      error: { code: "method_not_allowed", message: "" },
    },
    "info",
  ],
] satisfies [string, Partial<Outcome>, LogLevel][])(
  "%s is one line at the level it deserves",
  (_what, changes, level) => {
    expect(linesOf(outcomeOf(changes)).map((line) => line.level)).toEqual([level]);
  },
);

test("a request that nobody answered names the endpoint that was asked last", () => {
  const attempt = { model: "tiny", durationMs: 5, status: undefined, error: "reset" } as const;
  const attempts = [
    { ...attempt, endpoint: "alpha" },
    { ...attempt, endpoint: "beta" },
  ];
  const [line] = linesOf(outcomeOf({ endpoint: undefined, attempts, status: 502 }));
  expect(line?.fields.endpoint).toBe("beta");
  expect(linesOf(outcomeOf(noAnswer))[0]?.fields.endpoint).toBeUndefined();
});

test("one line holds the whole story of a request", () => {
  const [line] = linesOf(
    outcomeOf({
      query: "token=[REDACTED]&x=1",
      userAgent: "curl/8",
      endpoint: "beta",
      durationMs: 12.345,
      headMs: 5.06,
      queueMs: 3.21,
      stickyOutcome: "repin",
      attempts: [
        { endpoint: "alpha", model: "m", durationMs: 1, status: undefined, error: "connect_refused" },
        { endpoint: "beta", model: "m", durationMs: 4, status: 200, error: undefined },
      ],
      decision: { strategy: "strict", action: "routed", reason: "model_found" },
    }),
  );
  expect(line?.fields).toEqual({
    request_id: "test-request",
    method: "POST",
    path: "/olla/proxy/v1/chat/completions",
    query: "token=[REDACTED]&x=1",
    status: 200,
    endpoint: "beta",
    model: "llama3",
    duration_ms: 12.3,
    head_ms: 5.1,
    queue_ms: 3.2,
    sticky: "repin",
    request_bytes: 10,
    response_bytes: 100,
    ending: "complete",
    attempts: 2,
    tried: ["alpha", "beta"],
    failed: ["alpha: connect_refused"],
    routing_strategy: "strict",
    routing_action: "routed",
    routing_reason: "model_found",
    client_ip: "127.0.0.1",
    user_agent: "curl/8",
    error_code: undefined,
    error: undefined,
  });
});

test.each(Object.keys(errorTable) as ErrorCode[])(
  "a line with the code %s says where to read of it",
  (code) => {
    const [line] = linesOf(outcomeOf({ error: { code, message: "" } }));
    expect(line?.fields).toMatchObject({
      error_code: code,
      help: expect.stringMatching(new RegExp(`#${code}$`)),
    });
  },
);

test("a line without an error has no help", () => {
  expect(linesOf(outcomeOf())[0]?.fields.help).toBeUndefined();
});

test("a failed attempt is told with the endpoint's status where it gave one, a client's leaving is none", () => {
  const attempt = { endpoint: "alpha", model: "m", durationMs: 1, status: undefined } as const;
  const failedOf = (...attempts: Outcome["attempts"]) => linesOf(outcomeOf({ attempts }))[0]?.fields.failed;
  expect(
    failedOf(
      { ...attempt, status: 503, error: "upstream_status" },
      { ...attempt, status: 200, error: "stream_error" },
      { ...attempt, endpoint: "beta", error: undefined },
    ),
  ).toEqual(["alpha: 503", "alpha: stream_error"]);
  expect(failedOf({ ...attempt, error: "client_abort" })).toBeUndefined();
});

test("a request that neither waited nor belongs to a conversation says nothing of it", () => {
  const [line] = linesOf(outcomeOf());
  expect([line?.fields.queue_ms, line?.fields.sticky, line?.fields.failed]).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
});

test("without an access log only what went wrong is written; below the level nothing is", () => {
  expect(linesOf(outcomeOf(), false)).toEqual([]);
  expect(linesOf(outcomeOf({ status: 502 }), false)).toHaveLength(1);
  expect(linesOf(outcomeOf(), true, "warn")).toEqual([]);
});

test("what the answer said about its tokens and times stands in the line, rounded", () => {
  const usage = {
    model: "llama3:8b",
    finish_reason: "stop",
    input_tokens: 50,
    output_tokens: 200,
    total_tokens: 250,
    ttft_ms: 100.04,
    total_ms: 5000,
    model_load_ms: 500,
    prompt_ms: 0.04,
    generation_ms: 4400.26,
    tokens_per_sec: 45.4545,
    is_complete: true,
  };
  const named = [
    "input_tokens",
    "output_tokens",
    "total_tokens",
    "tokens_per_sec",
    "ttft_ms",
    "prompt_ms",
    "generation_ms",
    "provider_model",
    "finish_reason",
  ];
  const shown = (fields: LogFields | undefined) =>
    Object.fromEntries(Object.entries(fields ?? {}).filter(([name]) => named.includes(name)));
  expect(shown(linesOf(outcomeOf({ usage }))[0]?.fields)).toEqual({
    input_tokens: 50,
    output_tokens: 200,
    total_tokens: 250,
    tokens_per_sec: 45.5,
    ttft_ms: 100,
    prompt_ms: undefined,
    generation_ms: 4400.3,
    provider_model: "llama3:8b",
    finish_reason: "stop",
  });
  expect(shown(linesOf(outcomeOf({ usage: { model: "m" } }))[0]?.fields)).toMatchObject({
    provider_model: "m",
  });
  expect(shown(linesOf(outcomeOf({}))[0]?.fields)).toEqual({});
});
