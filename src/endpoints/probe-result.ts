import { explainCertificateFailure } from "../lib/client-tls.ts";
import { HttpGetTimeout } from "../lib/http-get.ts";
import { classifyNetworkError, type NetworkFailure } from "../lib/network-error.ts";
import { parseRetryAfter } from "../lib/retry-after.ts";
import type { BreakerEvent } from "./circuit-breaker.ts";
import type { EndpointStatus } from "./endpoint-status.ts";

/** What one health check found out. */
export interface ProbeResult {
  /** Monotonic milliseconds at which the check began. */
  readonly startedAt: number;
  /** Over all attempts of the check. */
  readonly latencyMs: number;
  readonly status: EndpointStatus;
  readonly breakerEvent: BreakerEvent;
  /** Of the answer; `undefined` when none came. */
  readonly httpStatus: number | undefined;
  readonly failure: ProbeFailure | undefined;
  /** What is wrong and what helps, where that is known; completes "Endpoint x …". */
  readonly explanation?: string | undefined;
  /** How long a rate-limited endpoint wants to be left alone. */
  readonly retryAfterMs: number | undefined;
}

/** `timeout`: the host takes connections, but did not answer in time. */
export type ProbeFailure = NetworkFailure | "timeout";

export interface ProbeTimes {
  readonly startedAt: number;
  readonly latencyMs: number;
}

/** A 2xx slower than this is `busy`. */
export const slowAnswerMs = 10_000;

const defaultRetryAfterMs = 30_000;
const shortestRetryAfterMs = 1_000;
const longestRetryAfterMs = 10 * 60_000;

/** Failures that say that the host itself cannot be reached, as opposed to a server that misbehaves. */
const connectFailures: ReadonlySet<ProbeFailure> = new Set([
  "connect_refused",
  "connect_timeout",
  "dns",
  "unreachable",
]);

export function isConnectFailure(result: ProbeResult): boolean {
  return result.failure !== undefined && connectFailures.has(result.failure);
}

/** Judges an answer; `answerMs` is the time of the attempt that got it. */
export function judgeAnswer(
  answer: { readonly httpStatus: number; readonly retryAfter: string | null; readonly wallTime: number },
  answerMs: number,
  times: ProbeTimes,
): ProbeResult {
  const { httpStatus } = answer;
  const found = { ...times, httpStatus, failure: undefined, retryAfterMs: undefined };
  if (httpStatus === 401 || httpStatus === 403) {
    return { ...found, status: "config_error", breakerEvent: "neutral" };
  }
  if (httpStatus === 429) {
    const retryAfterMs = readRetryAfter(answer.retryAfter, answer.wallTime);
    return { ...found, status: "rate_limited", breakerEvent: "neutral", retryAfterMs };
  }
  if (answerMs > slowAnswerMs) return { ...found, status: "busy", breakerEvent: "success" };
  if (httpStatus >= 200 && httpStatus < 300) {
    return { ...found, status: "healthy", breakerEvent: "success" };
  }
  return { ...found, status: "unhealthy", breakerEvent: "failure" };
}

/** Judges what `httpGet` threw. A failure of no known kind is the probe's own, so the host is not called offline. */
export function judgeFailure(error: unknown, times: ProbeTimes): ProbeResult {
  const failure = error instanceof HttpGetTimeout ? "timeout" : classifyNetworkError(error);
  const status = failure === "other" ? "unhealthy" : "offline";
  return {
    ...times,
    status,
    breakerEvent: "failure",
    httpStatus: undefined,
    failure,
    explanation: failure === "tls" ? explainCertificateFailure(error) : undefined,
    retryAfterMs: undefined,
  };
}

/** `Retry-After` in seconds or as an HTTP date, kept within 1 s to 10 min; 30 s when absent or malformed. */
export function readRetryAfter(header: string | null, wallTime: number): number {
  const waitMs = parseRetryAfter(header, wallTime) ?? defaultRetryAfterMs;
  return Math.min(longestRetryAfterMs, Math.max(shortestRetryAfterMs, waitMs));
}
