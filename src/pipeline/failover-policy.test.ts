import { describe, expect, test } from "bun:test";
import { OllaError } from "../errors.ts";
import { createFailoverPolicy, type FailoverSettings, neverRetriedStatuses } from "./failover-policy.ts";

function policy(changed: Partial<FailoverSettings> = {}) {
  return createFailoverPolicy({
    enabled: true,
    onConnectionFailure: true,
    maxAttempts: 0,
    onStatus: [409, 429, 502, 503, 504, 529],
    backoffMs: 0,
    maxBackoffMs: 2000,
    jitter: 0.2,
    random: () => 0,
    ...changed,
  });
}

const refused = new OllaError("connect_refused", "");

describe("with each candidate once", () => {
  test("a failed attempt leads to the next one until none is left", () => {
    expect(policy().afterError(refused, 1, 2)).toBe("next-candidate");
    expect(policy().afterError(refused, 2, 1)).toBe("next-candidate");
    expect(policy().afterError(refused, 3, 0)).toBe("give-up");
  });

  test.each([409, 429, 502, 503, 504, 529])("a %i does too", (status) => {
    expect(policy().afterStatus(status, 1, 1)).toBe("next-candidate");
    expect(policy().afterStatus(status, 2, 0)).toBe("give-up");
    expect(policy().isFailedStatus(status)).toBe(true);
  });

  test.each([200, 302, 404, 418, 500, 501])("a %i is the client's", (status) => {
    expect(policy().afterStatus(status, 1, 5)).toBe("give-up");
    expect(policy().isFailedStatus(status)).toBe(false);
  });

  test.each(["client_abort", "tls", "queue_full", "malformed_response"] as const)("%s ends it", (code) => {
    expect(policy().afterError(new OllaError(code, ""), 1, 5)).toBe("give-up");
  });

  test("a missing model leads to the next candidate", () => {
    expect(policy().afterModelMissing(1, 1)).toBe("next-candidate");
    expect(policy().afterModelMissing(2, 0)).toBe("give-up");
  });
});

test.each(neverRetriedStatuses)("a %i is never sent elsewhere, not even when configured", (status) => {
  const eager = policy({ onStatus: [status, 500], maxAttempts: 9 });
  expect(eager.afterStatus(status, 1, 5)).toBe("give-up");
  expect(eager.isFailedStatus(status)).toBe(false);
  expect(eager.afterStatus(500, 1, 5)).toBe("next-candidate");
});

describe("with a number of attempts", () => {
  test("fewer than candidates: it stops there", () => {
    expect(policy({ maxAttempts: 2 }).afterStatus(503, 1, 4)).toBe("next-candidate");
    expect(policy({ maxAttempts: 2 }).afterStatus(503, 2, 3)).toBe("give-up");
    expect(policy({ maxAttempts: 1 }).afterError(refused, 1, 4)).toBe("give-up");
    expect(policy({ maxAttempts: 1 }).afterModelMissing(1, 4)).toBe("give-up");
  });

  test("more than candidates: it starts over when all were tried", () => {
    expect(policy({ maxAttempts: 3 }).afterStatus(503, 2, 0)).toBe("start-over");
    expect(policy({ maxAttempts: 3 }).afterError(refused, 2, 0)).toBe("start-over");
    expect(policy({ maxAttempts: 3 }).afterError(refused, 3, 0)).toBe("give-up");
  });

  test("a missing model is no reason to start over", () => {
    expect(policy({ maxAttempts: 3 }).afterModelMissing(1, 0)).toBe("give-up");
  });
});

test("switched off, the first attempt is the only one, and its failure is still known as one", () => {
  const off = policy({ enabled: false, maxAttempts: 5 });
  expect([
    off.afterError(refused, 1, 3),
    off.afterStatus(503, 1, 3),
    off.afterModelMissing(1, 3),
    off.isFailedStatus(503),
  ]).toEqual(["give-up", "give-up", "give-up", true]);
});

test("without on_connection_failure only an endpoint that cannot be reached ends it", () => {
  const strict = policy({ onConnectionFailure: false });
  expect(strict.afterError(refused, 1, 3)).toBe("give-up");
  expect(strict.afterError(new OllaError("stream_error", ""), 1, 3)).toBe("next-candidate");
  expect(strict.afterStatus(503, 1, 3)).toBe("next-candidate");
});

test("whether another attempt may follow depends on no list of statuses", () => {
  const none = policy({ onStatus: [] });
  expect([none.mayGoOn(1, 1), none.mayGoOn(2, 0)]).toEqual([true, false]);
  const three = policy({ maxAttempts: 3 });
  expect([three.mayGoOn(2, 0), three.mayGoOn(3, 5)]).toEqual([true, false]);
  expect(policy({ enabled: false }).mayGoOn(1, 5)).toBe(false);
});

describe("the pause", () => {
  test("doubles up to its longest, and there is none before the first attempt", () => {
    const { backoffBefore } = policy({ backoffMs: 300 });
    expect([1, 2, 3, 4, 5, 6, 60].map(backoffBefore)).toEqual([0, 300, 600, 1200, 2000, 2000, 2000]);
  });

  test("is shortened by chance, by no more than the jitter", () => {
    const draws = [0, 0.5, 1 - Number.EPSILON];
    const pauses = draws.map((draw) => policy({ backoffMs: 1000, random: () => draw }).backoffBefore(2));
    expect(pauses[0]).toBe(1000);
    expect(pauses[1]).toBe(900);
    expect(pauses[2]).toBeCloseTo(800);
  });

  test("is none by default", () => {
    expect(policy().backoffBefore(9)).toBe(0);
  });
});
