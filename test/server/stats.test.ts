import { describe, expect, test } from "bun:test";
import type { AttemptRecord } from "../../src/observe/outcome.ts";
import { Stats } from "../../src/observe/stats.ts";
import { createFakeClock } from "../support/fake-clock.ts";
import { outcomeOf } from "./test-server.ts";

function attempt(endpoint: string, changes: Partial<AttemptRecord> = {}): AttemptRecord {
  return { endpoint, model: undefined, durationMs: 40, status: 200, error: undefined, ...changes };
}

function failed(endpoint: string): AttemptRecord {
  return attempt(endpoint, { status: undefined, error: "connect_refused" });
}

describe("what an outcome counts", () => {
  test("an answer that arrived whole is a success, timed from its own send to its last byte", () => {
    const stats = new Stats(createFakeClock());
    stats.recordOutcome(outcomeOf({ durationMs: 1_250, headMs: 1_050, responseBytes: 500 }));
    expect(stats.endpoint("alpha")).toEqual({
      requests: 1,
      successes: 1,
      failures: 0,
      bytes: 500,
      averageLatencyMs: 240,
      minLatencyMs: 240,
      maxLatencyMs: 240,
      lastUsedAt: Date.UTC(2026, 0, 1),
    });
  });

  test("a failover is one failure there and one success here", () => {
    const stats = new Stats(createFakeClock());
    stats.recordOutcome(outcomeOf({ endpoint: "beta", attempts: [failed("alpha"), attempt("beta")] }));
    expect(stats.endpoint("alpha")).toMatchObject({ requests: 1, failures: 1, bytes: 0 });
    expect(stats.endpoint("beta")).toMatchObject({ requests: 1, successes: 1 });
    expect(stats.totals()).toMatchObject({ requests: 2, successes: 1, failures: 1 });
    expect(stats.rejectedRequests()).toBe(0);
  });

  test.each([
    ["complete", true],
    ["client-abort", true],
    ["upstream-error", false],
    ["idle-timeout", false],
    ["response-timeout", false],
  ] as const)("an answer that ended %s is a success: %p", (ending, isSuccess) => {
    const stats = new Stats(createFakeClock());
    stats.recordOutcome(outcomeOf({ ending }));
    expect(stats.totals().successes).toBe(isSuccess ? 1 : 0);
  });

  test("a 500 of the endpoint is a success of the transport", () => {
    const stats = new Stats(createFakeClock());
    stats.recordOutcome(outcomeOf({ status: 500, attempts: [attempt("alpha", { status: 500 })] }));
    expect(stats.totals().failures).toBe(0);
  });

  test("a client that leaves before the answer is counted against nobody", () => {
    const stats = new Stats(createFakeClock());
    stats.recordOutcome(
      outcomeOf({
        endpoint: undefined,
        status: 499,
        ending: "client-abort",
        attempts: [failed("alpha"), attempt("beta", { status: undefined, error: "client_abort" })],
        error: { code: "client_abort", message: "" },
      }),
    );
    expect(stats.endpoint("beta").requests).toBe(0);
    expect(stats.totals()).toMatchObject({ requests: 1, failures: 1 });
  });

  test("a failure's time is in no average, minimum or maximum", () => {
    const stats = new Stats(createFakeClock());
    stats.recordAttempt({ endpoint: "a", isSuccess: true, latencyMs: 10, bytes: 0 });
    stats.recordAttempt({ endpoint: "a", isSuccess: false, latencyMs: 9_999, bytes: 0 });
    stats.recordAttempt({ endpoint: "a", isSuccess: true, latencyMs: 30, bytes: 0 });
    expect(stats.endpoint("a")).toMatchObject({ averageLatencyMs: 20, minLatencyMs: 10, maxLatencyMs: 30 });
  });

  test("refusals count as rejected, and by their kind", () => {
    const clock = createFakeClock();
    const stats = new Stats(clock);
    for (const code of ["body_too_large", "headers_too_large", "rate_limited", "model_not_found"] as const) {
      stats.recordOutcome(
        outcomeOf({
          endpoint: undefined,
          attempts: [],
          error: { code, message: "" },
          clientAddress: "192.0.2.1",
        }),
      );
    }
    expect(stats.rejectedRequests()).toBe(4);
    expect(stats.totals().requests).toBe(0);
    expect(stats.security()).toEqual({ rateLimitViolations: 1, sizeLimitViolations: 2, limitedAddresses: 1 });
    clock.advance(61 * 60_000);
    expect(stats.security().limitedAddresses).toBe(0);
  });
});

describe("what is kept", () => {
  test("a series goes with its endpoint, and what still ends there counts in total only", () => {
    const stats = new Stats(createFakeClock());
    stats.recordOutcome(outcomeOf());
    stats.retainEndpoints(["beta"]);
    stats.recordOutcome(outcomeOf());
    expect(stats.endpoint("alpha").requests).toBe(0);
    expect(stats.totals().requests).toBe(2);
  });

  test("a snapshot does not change any more", () => {
    const stats = new Stats(createFakeClock());
    stats.recordOutcome(outcomeOf());
    const before = stats.totals();
    stats.recordOutcome(outcomeOf());
    expect(before.requests).toBe(1);
  });

  test("however many addresses are limited, ten thousand are remembered", () => {
    const stats = new Stats(createFakeClock());
    for (let index = 0; index < 10_050; index++) {
      stats.recordOutcome(
        outcomeOf({
          attempts: [],
          error: { code: "rate_limited", message: "" },
          clientAddress: `host-${index}`,
        }),
      );
    }
    expect(stats.security().limitedAddresses).toBe(10_000);
  });
});

describe("tokens", () => {
  const said = (input_tokens: number, output_tokens: number) => ({ usage: { input_tokens, output_tokens } });
  const from = (endpoint: string, model?: string) => ({ endpoint, attempts: [attempt(endpoint, { model })] });

  test("are added up in total, by endpoint, and by model at an endpoint", () => {
    const stats = new Stats(createFakeClock());
    stats.recordOutcome(outcomeOf({ ...from("alpha", "tiny"), ...said(10, 2) }));
    stats.recordOutcome(
      outcomeOf({ ...from("alpha", "tiny"), usage: { input_tokens: 5, cached_tokens: 4 } }),
    );
    stats.recordOutcome(outcomeOf({ ...from("beta", "tiny"), ...said(1, 1) }));
    stats.recordOutcome(outcomeOf({ ...from("alpha", "other") }));
    stats.recordOutcome(outcomeOf({ ...from("alpha", "other"), usage: { finish_reason: "stop" } }));
    expect(stats.tokens.totals()).toEqual({ requests: 3, input: 16, output: 3, cached: 4, reasoning: 0 });
    expect(stats.tokens.endpoint("alpha")).toEqual({
      requests: 2,
      input: 15,
      output: 2,
      cached: 4,
      reasoning: 0,
    });
    expect(stats.tokens.model("alpha", "tiny")).toEqual(stats.tokens.endpoint("alpha"));
    expect(stats.tokens.model("beta", "tiny")).toEqual({
      requests: 1,
      input: 1,
      output: 1,
      cached: 0,
      reasoning: 0,
    });
    expect(stats.tokens.model("alpha", "other").requests).toBe(0);
  });

  test("after a failover belong to who answered", () => {
    const stats = new Stats(createFakeClock());
    const attempts = [failed("alpha"), attempt("beta", { model: "small" })];
    stats.recordOutcome(outcomeOf({ endpoint: "beta", attempts, model: "tiny", ...said(3, 1) }));
    expect(stats.tokens.endpoint("alpha").requests).toBe(0);
    expect(stats.tokens.model("beta", "small").input).toBe(3);
  });

  test("go with their endpoint, and what still ends there counts in total only", () => {
    const stats = new Stats(createFakeClock());
    stats.recordOutcome(outcomeOf({ ...from("alpha", "tiny"), ...said(10, 2) }));
    stats.retainEndpoints(["beta"]);
    stats.recordOutcome(outcomeOf({ ...from("alpha", "tiny"), ...said(10, 2) }));
    expect(stats.tokens.endpoint("alpha").requests).toBe(0);
    expect(stats.tokens.model("alpha", "tiny").requests).toBe(0);
    expect(stats.tokens.totals().requests).toBe(2);
  });

  test("of however many names, five thousand are kept apart, and none that is longer than a name", () => {
    const stats = new Stats(createFakeClock());
    for (let index = 0; index < 5_010; index++)
      stats.recordOutcome(outcomeOf({ ...from("alpha", `model-${index}`), ...said(1, 1) }));
    stats.recordOutcome(outcomeOf({ ...from("alpha", "m".repeat(300)), ...said(1, 1) }));
    expect(stats.tokens.endpoint("alpha").requests).toBe(5_011);
    expect(stats.tokens.model("alpha", "model-4999").requests).toBe(1);
    expect(stats.tokens.model("alpha", "model-5000").requests).toBe(0);
    stats.retainEndpoints(["beta"]);
    stats.recordOutcome(outcomeOf({ ...from("beta", "tiny"), ...said(1, 1) }));
    expect(stats.tokens.model("beta", "tiny").requests).toBe(1);
  });
});
