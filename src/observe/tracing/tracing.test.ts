import { describe, expect, test } from "bun:test";
import { createFakeClock } from "../../../test/support/fake-clock.ts";
import { OtlpReceiver } from "../../../test/support/otlp-receiver.ts";
import { waitUntil } from "../../../test/support/wait-until.ts";
import type { OtlpSettings } from "../../config/otlp-settings.ts";
import type { LogFields } from "../../lib/log.ts";
import type { Outcome } from "../outcome.ts";
import { OutcomeKinds } from "../outcome-kinds.ts";
import { createTracing, type Tracing } from "./tracing.ts";

const usual: Omit<OtlpSettings, "url"> = {
  headers: [],
  sampler: { ratio: 1, isParentBased: true },
  resource: [["service.name", "olla"]],
  convention: "v1.41",
  timeoutMs: 10_000,
  delayMs: 5000,
  maxBatchSpans: 2,
  maxQueuedSpans: 4,
};

function start(url: string, changes: Partial<OtlpSettings> = {}) {
  const clock = createFakeClock();
  const warnings: (LogFields | undefined)[] = [];
  const silent = () => {};
  const tracing = createTracing({
    kinds: new OutcomeKinds(),
    settings: { ...usual, url, ...changes },
    clock,
    logger: {
      debug: silent,
      info: silent,
      error: silent,
      warn: (_message, fields) => warnings.push(fields),
      isEnabled: () => true,
    },
    version: "1",
    servedAt: { scheme: "http", address: undefined, port: undefined },
    endpointOf: () => undefined,
    random: () => 0.5,
  });
  return { tracing, clock, warnings };
}

const path = "/olla/proxy/v1/chat/completions";

function end(tracing: Tracing, times = 1): void {
  for (let time = 0; time < times; time += 1) {
    const trace = tracing.begin(path, new Headers());
    const outcome = {
      method: "POST",
      path,
      route: "proxy",
      attempts: [],
      trace,
      status: 200,
      requestBytes: 0,
    };
    tracing.record({
      ...outcome,
      receivedAt: 0,
      durationMs: 1,
      responseBytes: 0,
      queueMs: 0,
      clientAddress: "::1",
      requestId: "id",
      ending: "complete",
    } as unknown as Outcome);
  }
}

test("a stop waits two seconds for a silent collector, and nothing runs after it", async () => {
  await using receiver = new OtlpReceiver(() => new Promise<Response>(() => {}));
  const { tracing, clock, warnings } = start(receiver.url);
  end(tracing, 3);
  await waitUntil(() => receiver.deliveries.length === 1);
  let isStopped = false;
  const stopped = tracing.stop().then(() => {
    isStopped = true;
  });
  await clock.advanceAsync(1999);
  expect(isStopped).toBeFalse();
  await clock.advanceAsync(1);
  await stopped;
  end(tracing);
  await waitUntil(() => clock.pendingTimers() === 0);
  expect(warnings).toEqual([{ spans: 3, reason: "Olla stops" }]);
});

test("a stop with nothing to deliver is at once", async () => {
  const { tracing, clock, warnings } = start("http://127.0.0.1:1");
  await tracing.stop();
  expect([clock.pendingTimers(), warnings.length]).toEqual([0, 0]);
});

test("losses are told once a minute, with their number", async () => {
  await using receiver = new OtlpReceiver(() => new Promise<Response>(() => {}));
  // A try that takes longer than the test, so that the queue stays full.
  const { tracing, clock, warnings } = start(receiver.url, { timeoutMs: 10_000_000 });
  end(tracing, 10);
  clock.advance(59_999);
  end(tracing, 5);
  expect(warnings).toEqual([{ spans: 1, reason: "too many wait" }]);
  clock.advance(1);
  end(tracing, 5);
  expect(warnings.slice(1)).toEqual([{ spans: 11, reason: "too many wait" }]);
});

describe("a trace begins", () => {
  const { tracing } = start("http://127.0.0.1:1");

  test.each(["/olla/proxy/v1/chat/completions", "/v1/messages", "/api/chat"])("for %s", (asked) => {
    expect(tracing.begin(asked, new Headers())?.isSampled).toBeTrue();
  });

  test.each(["/", "/internal/status", "/metrics", "/internal/ui/", "/version", "/favicon.ico"])(
    "never for %s",
    (asked) => {
      expect(tracing.begin(asked, new Headers())).toBeUndefined();
    },
  );

  test("and marks each attempt with an id of its own, once it has ended", () => {
    const trace = tracing.begin(path, new Headers({ tracestate: "a=1" }));
    const headers = new Headers({ tracestate: "a=1" });
    trace?.mark(headers);
    const first = headers.get("traceparent");
    expect(headers.get("tracestate")).toBeNull();
    trace?.mark(headers);
    expect(headers.get("traceparent")).toBe(first);
    expect(first).toContain(trace?.takeAttemptSpanId() ?? "none");
    trace?.mark(headers);
    expect(headers.get("traceparent")).not.toBe(first);
  });
});
