// What one ended request adds to the statistics, apart from the totals of endpoints (test/server/stats.test.ts).
import { describe, expect, test } from "bun:test";
import { type AttemptOutcome, attemptOutcomeOf } from "../../src/observe/attempt-outcome.ts";
import type { LabelCounter } from "../../src/observe/label-counter.ts";
import type { AttemptRecord, Outcome } from "../../src/observe/outcome.ts";
import { Stats } from "../../src/observe/stats.ts";
import { outcomeOf } from "../server/test-server.ts";
import { createFakeClock } from "../support/fake-clock.ts";

function attempt(endpoint: string, changes: Partial<AttemptRecord> = {}): AttemptRecord {
  return { endpoint, model: "llama3", durationMs: 40, status: 200, error: undefined, ...changes };
}

function failed(endpoint: string, error: AttemptRecord["error"] = "connect_refused"): AttemptRecord {
  return attempt(endpoint, { status: undefined, error });
}

function statsOf(...outcomes: readonly Outcome[]): Stats {
  const stats = new Stats(createFakeClock());
  for (const outcome of outcomes) stats.recordOutcome(outcome);
  return stats;
}

function counted(counter: LabelCounter): Record<string, number> {
  return Object.fromEntries(counter.list().map(({ labels, count }) => [labels.join(" "), count]));
}

const stream: Partial<Outcome> = {
  isStream: true,
  durationMs: 1_100,
  headMs: 60,
  milestones: { bodyMs: 1, inspectedMs: 2, routedMs: 2.5, firstSentMs: 100 },
  attempts: [attempt("alpha", { startedMs: 20 })],
  usage: { input_tokens: 10, output_tokens: 101 },
};

describe("what became of an attempt", () => {
  const cases: readonly [string, Partial<AttemptRecord>, Partial<Outcome>, AttemptOutcome][] = [
    ["a 200 that came whole", {}, {}, "ok"],
    ["a 404 that came whole", { status: 404 }, { status: 404 }, "http_4xx"],
    ["a 500 that nobody could better", { status: 500 }, { status: 500 }, "http_5xx"],
    ["a 429", { status: 429, error: "upstream_status" }, {}, "http_429"],
    ["a 503", { status: 503, error: "upstream_status" }, {}, "http_5xx"],
    [
      "nobody there",
      { status: undefined, error: "connect_refused" },
      { endpoint: undefined },
      "connect_error",
    ],
    [
      "a slow door",
      { status: undefined, error: "connect_timeout" },
      { endpoint: undefined },
      "connect_error",
    ],
    ["no head in time", { status: undefined, error: "header_timeout" }, { endpoint: undefined }, "timeout"],
    ["an error as the first event", { error: "stream_error" }, { endpoint: "beta" }, "stream_precommit"],
    ["a stream that broke", { error: "truncated" }, { ending: "upstream-error" }, "stream_broken"],
    ["a lost connection", { error: "reset" }, { ending: "upstream-error" }, "stream_broken"],
    ["a silent stream", { error: "read_timeout" }, { ending: "idle-timeout" }, "timeout"],
    ["a client that left", {}, { ending: "client-abort" }, "aborted"],
    [
      "one that left before",
      { status: undefined, error: "client_abort" },
      { endpoint: undefined },
      "aborted",
    ],
    ["an operator's end", {}, { ending: "cancelled" }, "cancelled"],
    ["a fault of ours", { status: undefined, error: "internal" }, { endpoint: undefined }, "failed"],
  ];

  test.each(cases)("%s", (_name, changes, of, expected) => {
    const only = attempt("alpha", changes);
    const outcome: Outcome = { ...outcomeOf({ attempts: [only] }), ...of };
    expect(attemptOutcomeOf(only, outcome)).toBe(expected);
  });
});

describe("models", () => {
  test("have the requests that they were asked for, apart from attempts", () => {
    const stats = statsOf(
      outcomeOf({ responseBytes: 500, durationMs: 250 }),
      outcomeOf({ endpoint: "beta", attempts: [failed("alpha"), attempt("beta")], durationMs: 350 }),
    );
    expect(stats.models.list()).toHaveLength(1);
    expect(stats.models.list()[0]).toMatchObject({
      name: "llama3",
      requests: 2,
      successes: 2,
      failures: 0,
      bytes: 600,
    });
    const places = stats.models.places();
    expect(places.map(({ endpoint, attempts, failures }) => [endpoint, attempts, failures])).toEqual([
      ["alpha", 2, 1],
      ["beta", 1, 0],
    ]);
    expect(places[0]?.countOf("connect_error")).toBe(1);
  });

  test("take percentiles from successes only", () => {
    const slow = Array.from({ length: 20 }, () => outcomeOf({ durationMs: 2_000 }));
    const refused = attempt("alpha", { status: 400 });
    const quick = Array.from({ length: 80 }, () =>
      outcomeOf({ status: 400, durationMs: 2, attempts: [refused] }),
    );
    const [model] = statsOf(...slow, ...quick).models.list();
    expect(model).toMatchObject({ requests: 100, successes: 20, failures: 80 });
    expect(model?.latency?.quantile(0.01)).toBe(2_000);
  });

  test.each(["client-abort", "cancelled"] as const)("count %s for nobody", (ending) => {
    const stats = statsOf(
      outcomeOf({ ending, status: ending === "cancelled" ? 200 : 499 }),
      outcomeOf({
        ending,
        endpoint: undefined,
        status: 503,
        attempts: [failed("alpha", ending === "cancelled" ? "cancelled" : "client_abort")],
        error: { code: ending === "cancelled" ? "cancelled" : "client_abort", message: "" },
      }),
    );
    expect(stats.models.list()[0]).toMatchObject({
      requests: 2,
      successes: 0,
      failures: 0,
      latency: undefined,
    });
    expect(stats.models.places()[0]).toMatchObject({ attempts: 0, failures: 0, consecutiveErrors: 0 });
    // The transport was fine as far as it went; the other one never came to an answer.
    expect(stats.endpoint("alpha")).toMatchObject({ requests: 1, successes: 1, failures: 0 });
    expect(stats.rejectedRequests()).toBe(0);
  });

  test("know how many failures in a row there were, which an answer ends", () => {
    const down = outcomeOf({
      endpoint: undefined,
      status: 502,
      ending: "upstream-error",
      attempts: [failed("alpha")],
    });
    const stats = statsOf(down, down, down);
    expect(stats.models.places()[0]?.consecutiveErrors).toBe(3);
    stats.recordOutcome(outcomeOf({ status: 404, attempts: [attempt("alpha", { status: 404 })] }));
    expect(stats.models.places()[0]).toMatchObject({ consecutiveErrors: 0, failures: 3 });
  });

  test("know their clients and how requests were routed", () => {
    const decisionOf = (action: "routed" | "fallback" | "rejected") => ({
      strategy: "strict",
      action,
      reason: "why",
    });
    const stats = statsOf(
      outcomeOf({ clientAddress: "192.0.2.1", decision: decisionOf("routed") }),
      outcomeOf({ clientAddress: "192.0.2.2", decision: decisionOf("routed") }),
      outcomeOf({ clientAddress: "192.0.2.1", decision: decisionOf("fallback") }),
      outcomeOf({
        endpoint: undefined,
        attempts: [],
        status: 503,
        ending: "rejected",
        decision: decisionOf("rejected"),
        error: { code: "model_unavailable", message: "" },
      }),
    );
    expect(stats.models.list()[0]).toMatchObject({
      uniqueClients: 2,
      routingHits: 2,
      routingFallbacks: 1,
      routingMisses: 1,
      requests: 3,
    });
    expect(counted(stats.events.rejections)).toEqual({ model_unavailable: 1 });
    expect(counted(stats.events.decisions)).toEqual({ "llama3 strict why": 4 });
  });

  test("are timed from the send to the first byte, and for each token after it", () => {
    const stats = statsOf(outcomeOf(stream));
    const [place] = stats.models.places();
    expect(place?.ttft?.sum).toBe(80);
    expect(place?.perToken?.sum).toBe(10);
    expect(place?.latency?.sum).toBe(40 + 1_040);
    expect(stats.routes.list()[0]?.ttft?.sum).toBe(100);
  });

  test("an answer in one piece has no first token, and one token has no next", () => {
    const stats = statsOf(
      outcomeOf({ ...stream, isStream: false }),
      outcomeOf({ ...stream, usage: { output_tokens: 1 } }),
    );
    const [place] = stats.models.places();
    expect(place?.ttft?.count).toBe(1);
    expect(place?.perToken).toBeUndefined();
  });
});

describe("events", () => {
  test("failovers and retries are counted by who failed, who came next and why", () => {
    const stats = statsOf(
      outcomeOf({
        endpoint: "gamma",
        attempts: [
          failed("alpha"),
          failed("alpha", "reset"),
          failed("beta", "header_timeout"),
          attempt("gamma"),
        ],
      }),
    );
    expect(counted(stats.events.retries)).toEqual({ "alpha alpha connect_refused": 1 });
    expect(counted(stats.events.failovers)).toEqual({
      "alpha beta reset": 1,
      "beta gamma header_timeout": 1,
    });
    stats.retainEndpoints(["beta", "gamma"]);
    expect(counted(stats.events.failovers)).toEqual({ "beta gamma header_timeout": 1 });
    expect(counted(stats.events.retries)).toEqual({});
  });

  test("an alias explains itself in a sentence, which is no label", () => {
    const decision = {
      strategy: "alias",
      action: "routed",
      reason: 'alias "x" resolved to 2 endpoint(s)',
    } as const;
    expect(counted(statsOf(outcomeOf({ decision })).events.decisions)).toEqual({
      "llama3 alias alias_resolved": 1,
    });
  });

  test("overhead and waiting are timed", () => {
    const stats = statsOf(
      outcomeOf({ ...stream, queueMs: 700, attempts: [attempt("alpha", { queuedMs: 700 })] }),
    );
    expect(stats.overhead.phases().map(({ phase, times }) => [phase, times.sum])).toEqual([
      ["parse", 1],
      ["queue", 700],
      ["route", 0.5],
    ]);
    expect(stats.overhead.waits().map(({ endpoint, times }) => [endpoint, times.count])).toEqual([
      ["alpha", 1],
    ]);
  });

  test("requests are counted by route, method and class of status, whatever the method is called", () => {
    const stats = statsOf(
      outcomeOf({ route: "openai" }),
      outcomeOf({ route: "openai", status: 404 }),
      outcomeOf({ route: "internal", method: "BREW" }),
      outcomeOf({ route: "openai", status: 499, ending: "client-abort" }),
    );
    expect(stats.routes.list().map(({ route, requests, plain }) => [route, requests, plain?.count])).toEqual([
      ["internal", [{ method: "other", code: "2xx", count: 1 }], 1],
      [
        "openai",
        [
          { method: "POST", code: "2xx", count: 1 },
          { method: "POST", code: "4xx", count: 2 },
        ],
        1,
      ],
    ]);
  });
});

describe("memory", () => {
  const ask = (model: string, endpoint = "alpha") =>
    outcomeOf({ endpoint, model, attempts: [attempt(endpoint, { model })] });

  test("of ten thousand names a thousand are kept apart, the others together", () => {
    const stats = new Stats(createFakeClock());
    for (let index = 0; index < 10_000; index++) {
      const decision = { strategy: "s", action: "routed", reason: `r${index}` } as const;
      stats.recordOutcome({ ...ask(`model-${index}`), decision, route: `route-${index}` });
    }
    expect(stats.models.list()).toHaveLength(1_001);
    expect(stats.models.list()[0]).toMatchObject({ name: "other", requests: 9_000 });
    expect(stats.models.places()).toHaveLength(1_001);
    expect(stats.routes.list()).toHaveLength(101);
    expect(stats.events.decisions.list()).toHaveLength(1_001);
    expect(stats.models.sums().requests).toBe(10_000);
  });

  test("of a thousand names at five endpoints a thousand places are kept apart", () => {
    const stats = new Stats(createFakeClock());
    for (const endpoint of ["a", "b", "c", "d", "e"]) {
      for (let index = 0; index < 1_000; index++) stats.recordOutcome(ask(`model-${index}`, endpoint));
    }
    expect(stats.models.places()).toHaveLength(1_004);
    expect(stats.models.places().reduce((sum, place) => sum + place.attempts, 0)).toBe(5_000);
  });

  test("a name that no endpoint was asked for has no series", () => {
    const stats = new Stats(createFakeClock());
    for (let index = 0; index < 10_000; index++) {
      const decision = { strategy: "strict", action: "rejected", reason: "model_not_found" } as const;
      const error = { code: "model_not_found", message: "" } as const;
      stats.recordOutcome(
        outcomeOf({
          endpoint: undefined,
          attempts: [],
          model: `made-up-${index}`,
          status: 404,
          ending: "rejected",
          decision,
          error,
        }),
      );
    }
    expect(
      stats.models.list().map(({ name, requests, routingMisses }) => [name, requests, routingMisses]),
    ).toEqual([["other", 0, 10_000]]);
    expect(stats.events.decisions.list()).toHaveLength(1);
  });

  test("a name that nobody lists has one when an endpoint has answered to it", () => {
    const stats = new Stats(createFakeClock(), { spellModel: () => undefined });
    const refused = attempt("alpha", { model: "nobodys", status: 404 });
    stats.recordOutcome(outcomeOf({ model: "nobodys", status: 404, attempts: [refused] }));
    stats.recordOutcome(ask("secret"));
    expect(stats.models.list().map(({ name }) => name)).toEqual(["other", "secret"]);
  });

  test("a listed name counts in the list's spelling, however the client spells it", () => {
    const stats = new Stats(createFakeClock(), { spellModel: () => "Llama3:latest" });
    for (const model of ["llama3", "LLAMA3", "Llama3:latest"]) stats.recordOutcome(ask(model));
    expect(stats.models.list().map(({ name, requests }) => [name, requests])).toEqual([["Llama3:latest", 3]]);
  });

  test("series go with their endpoint, and models with the last of theirs", () => {
    const stats = statsOf(ask("tiny", "alpha"), ask("big", "alpha"), ask("big", "beta"));
    stats.noteTransition({ endpoint: "alpha", to: "open" });
    stats.recordOutcome(outcomeOf({ attempts: [attempt("alpha", { queuedMs: 5 })] }));
    stats.retainEndpoints(["beta"]);
    expect(stats.models.list().map(({ name }) => name)).toEqual(["big"]);
    expect(stats.models.places().map(({ endpoint }) => endpoint)).toEqual(["beta"]);
    expect(counted(stats.events.transitions)).toEqual({});
    expect(stats.overhead.waits()).toEqual([]);
    // What still ends there comes too late for a series of its own, and is in the sums all the same.
    stats.recordOutcome(ask("tiny", "alpha"));
    expect(stats.models.list().map(({ name }) => name)).toEqual(["big", "other"]);
    expect(stats.models.sums().requests).toBe(5);
  });

  test("a thousand endpoints that come and go leave nothing", () => {
    const stats = new Stats(createFakeClock());
    for (let index = 0; index < 1_000; index++) {
      stats.recordOutcome(ask(`model-${index}`, `endpoint-${index}`));
      stats.retainEndpoints([`endpoint-${index + 1}`]);
    }
    expect(stats.models.list()).toEqual([]);
    expect(stats.models.places()).toEqual([]);
    stats.recordOutcome(ask("fresh", "endpoint-1000"));
    expect(stats.models.list().map(({ name }) => name)).toEqual(["fresh"]);
  });
});
