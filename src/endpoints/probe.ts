import { type Clock, systemClock } from "../lib/clock.ts";
import { connectTargetOf } from "../lib/connect-target.ts";
import { type FetchLike, type HttpGetResult, HttpGetTimeout, httpGet } from "../lib/http-get.ts";
import { classifyNetworkError } from "../lib/network-error.ts";
import type { Endpoint } from "./endpoint.ts";
import { judgeAnswer, judgeFailure, type ProbeResult } from "./probe-result.ts";
import { questionHeadersOf } from "./question-headers.ts";

/** One health check. Rejects only when `signal` ended it. */
export type Probe = (endpoint: Endpoint, signal: AbortSignal) => Promise<ProbeResult>;

export interface ProbeOptions {
  /** For the User-Agent. */
  readonly version: string;
  readonly clock?: Clock;
  readonly fetch?: FetchLike;
  /** Whether a host takes TCP connections; asked after a timeout. */
  readonly canConnect?: CanConnect;
  /** In [0, 1), for the jitter between attempts. */
  readonly random?: () => number;
}

/** Resolves within `timeoutMs`, and at once with `true` when `signal` aborts. Never rejects. */
export type CanConnect = (
  url: string,
  timeoutMs: number,
  context: { readonly clock: Clock; readonly signal: AbortSignal },
) => Promise<boolean>;

const maxBodyBytes = 64 * 1024;
const maxAttempts = 3;
const firstRetryDelayMs = 100;
const longestRetryDelayMs = 2_000;
const jitterShare = 0.125;

/**
 * Probes with a GET of the endpoint's health URL, sent on a connection of its own: that shows whether the host can be
 * reached now, and leaves the pool of kept-alive connections to traffic. A status is final, redirects included; a
 * network error other than a timeout is tried twice more.
 */
export function createProbe(options: ProbeOptions): Probe {
  const { clock = systemClock, random = Math.random, canConnect = tryToConnect } = options;

  return async (endpoint, signal) => {
    const startedAt = clock.now();
    const times = () => ({ startedAt, latencyMs: clock.now() - startedAt });
    for (let attempt = 1; ; attempt += 1) {
      try {
        const answer = await sendProbe(endpoint, signal, options, clock);
        return judgeHttpAnswer(endpoint, answer, clock, times());
      } catch (error) {
        signal.throwIfAborted();
        const isTimeout = error instanceof HttpGetTimeout;
        if (!isTimeout && attempt < maxAttempts && classifyNetworkError(error) !== "other") {
          await pause(retryDelay(attempt, random), clock, signal);
          continue;
        }
        const result = judgeFailure(error, times());
        if (!isTimeout) return result;
        // A busy server and a machine that is gone both keep silent; only connecting tells them apart.
        const isThere = await canConnect(endpoint.healthUrl, endpoint.checkTimeoutMs, { clock, signal });
        signal.throwIfAborted();
        return isThere ? result : { ...result, failure: "connect_timeout" };
      }
    }
  };
}

function sendProbe(
  endpoint: Endpoint,
  signal: AbortSignal,
  options: ProbeOptions,
  clock: Clock,
): Promise<HttpGetResult> {
  const headers = new Headers({
    "User-Agent": `olla-HealthChecker/${options.version}`,
    Accept: "application/json, text/plain, */*",
    "Cache-Control": "no-cache",
  });
  for (const [name, value] of questionHeadersOf(endpoint)) headers.set(name, value.reveal());
  return httpGet(endpoint.healthUrl, {
    headers,
    timeoutMs: endpoint.checkTimeoutMs,
    maxBytes: maxBodyBytes,
    signal,
    keepalive: false,
    tls: endpoint.tls,
    clock,
    ...(options.fetch === undefined ? {} : { fetch: options.fetch }),
  });
}

function judgeHttpAnswer(
  endpoint: Endpoint,
  answer: HttpGetResult,
  clock: Clock,
  times: { startedAt: number; latencyMs: number },
): ProbeResult {
  const read = {
    // vLLM and llama.cpp have no front page. As long as the kind is not known, not finding one says nothing.
    httpStatus: endpoint.isAutoDetected && answer.status === 404 ? 200 : answer.status,
    retryAfter: answer.headers.get("Retry-After"),
    wallTime: clock.wallTime(),
  };
  return judgeAnswer(read, answer.durationMs, times);
}

/** Doubling from 100 ms, at most 2 s, give or take an eighth so that many probes don't fall into step. */
export function retryDelay(attempt: number, random: () => number): number {
  const plain = Math.min(firstRetryDelayMs * 2 ** (attempt - 1), longestRetryDelayMs);
  return plain * (1 + jitterShare * (2 * random() - 1));
}

function pause(delayMs: number, clock: Clock, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = () => {
      cancel();
      reject(signal.reason);
    };
    const cancel = clock.after(delayMs, () => {
      signal.removeEventListener("abort", onAbort);
      resolve();
    });
    signal.addEventListener("abort", onAbort, { once: true });
  });
}

/** A refusal counts as being there: the host answered, and the request itself reports what it got. */
const tryToConnect: CanConnect = (url, timeoutMs, { clock, signal }) => {
  return new Promise((resolve) => {
    const settle = (isThere: boolean) => {
      cancelTimer();
      signal.removeEventListener("abort", onAbort);
      resolve(isThere);
    };
    const onAbort = () => settle(true);
    const cancelTimer = clock.after(timeoutMs, () => settle(false));
    signal.addEventListener("abort", onAbort);
    Bun.connect({
      ...connectTargetOf(url),
      socket: {
        open(socket) {
          settle(true);
          socket.end();
        },
        data() {},
        error() {},
      },
    }).catch((error: unknown) => settle(classifyNetworkError(error) === "connect_refused"));
  });
};
