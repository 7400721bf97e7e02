import { describe, expect, test } from "bun:test";
import { HttpGetTimeout } from "../lib/http-get.ts";
import { isConnectFailure, judgeAnswer, judgeFailure, readRetryAfter } from "./probe-result.ts";

const times = { startedAt: 1_000, latencyMs: 42 };
const wallTime = Date.UTC(2026, 10, 20, 12, 0, 0);

function judge(httpStatus: number, answerMs = 42, retryAfter: string | null = null) {
  return judgeAnswer({ httpStatus, retryAfter, wallTime }, answerMs, times);
}

test.each([
  [200, "healthy", "success"],
  [204, "healthy", "success"],
  [299, "healthy", "success"],
  [401, "config_error", "neutral"],
  [403, "config_error", "neutral"],
  [429, "rate_limited", "neutral"],
  [302, "unhealthy", "failure"],
  [404, "unhealthy", "failure"],
  [500, "unhealthy", "failure"],
  [503, "unhealthy", "failure"],
] as const)("%d is %s, for the breaker a %s", (httpStatus, status, breakerEvent) => {
  expect(judge(httpStatus)).toMatchObject({ ...times, status, breakerEvent, httpStatus });
});

test("an answer that took more than 10 s is busy, unless its status says more", () => {
  expect(judge(200, 10_000).status).toBe("healthy");
  expect(judge(200, 10_001)).toMatchObject({ status: "busy", breakerEvent: "success" });
  expect(judge(500, 10_001)).toMatchObject({ status: "busy", breakerEvent: "success" });
  expect(judge(401, 10_001).status).toBe("config_error");
  expect(judge(429, 10_001).status).toBe("rate_limited");
});

test("no answer is offline, a fault of another kind unhealthy", () => {
  const refused = judgeFailure(Object.assign(new Error("x"), { code: "ECONNREFUSED" }), times);
  expect(refused).toMatchObject({ status: "offline", breakerEvent: "failure", failure: "connect_refused" });
  expect(judgeFailure(new HttpGetTimeout(2_000), times)).toMatchObject({
    status: "offline",
    failure: "timeout",
  });
  expect(judgeFailure(new TypeError("bad header"), times)).toMatchObject({
    status: "unhealthy",
    failure: "other",
  });
});

test("only failures to connect count as such", () => {
  const failed = (failure: "connect_timeout" | "timeout" | "reset" | "tls") => ({
    ...judgeFailure(new Error("x"), times),
    failure,
  });
  expect(isConnectFailure(failed("connect_timeout"))).toBe(true);
  expect(isConnectFailure(failed("timeout"))).toBe(false);
  expect(isConnectFailure(failed("reset"))).toBe(false);
  expect(isConnectFailure(failed("tls"))).toBe(false);
  expect(isConnectFailure(judge(500))).toBe(false);
});

describe("Retry-After", () => {
  test.each([
    ["seconds", "120", 120_000],
    ["IMF-fixdate", "Fri, 20 Nov 2026 12:00:45 GMT", 45_000],
    ["RFC 850", "Friday, 20-Nov-26 12:01:00 GMT", 60_000],
    ["asctime", "Fri Nov 20 12:02:00 2026", 120_000],
    ["nothing", null, 30_000],
    ["an empty value", "", 30_000],
    ["a word", "soon", 30_000],
    ["a fraction", "1.5", 30_000],
    ["a negative number", "-5", 30_000],
    ["another date format", "2026-11-20T12:01:00Z", 30_000],
    ["zero", "0", 1_000],
    ["a past date", "Fri, 20 Nov 2026 11:00:00 GMT", 1_000],
    ["years", "99999999999", 600_000],
    ["a far date", "Fri, 20 Nov 2043 12:00:00 GMT", 600_000],
  ] as const)("as %s", (_form, header, expected) => {
    expect(readRetryAfter(header, wallTime)).toBe(expected);
    expect(judge(429, 5, header).retryAfterMs).toBe(expected);
  });

  test("counts on 429 only", () => {
    expect(judge(503, 5, "120").retryAfterMs).toBeUndefined();
  });
});
