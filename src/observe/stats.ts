import type { ErrorCode } from "../errors.ts";
import type { Clock } from "../lib/clock.ts";
import { KeyCounts } from "./key-counts.ts";
import type { AttemptRecord, Outcome } from "./outcome.ts";
import { TokenCounts } from "./token-counts.ts";
import { TranslatorCounts } from "./translator-counts.ts";

/** What attempts at one endpoint, or at all of them, came to. Latencies in milliseconds, over successes only. */
export interface AttemptTotals {
  readonly requests: number;
  readonly successes: number;
  readonly failures: number;
  readonly bytes: number;
  /** Undefined without a success. */
  readonly averageLatencyMs: number | undefined;
  readonly minLatencyMs: number;
  readonly maxLatencyMs: number;
  /** Milliseconds since the epoch; undefined without an attempt. */
  readonly lastUsedAt: number | undefined;
}

export interface SecurityTotals {
  readonly rateLimitViolations: number;
  readonly sizeLimitViolations: number;
  /** Different client addresses that were limited within the last hour. */
  readonly limitedAddresses: number;
}

/** One finished attempt. `latencyMs` runs from the send to the end of the body; it counts only for a success. */
export interface FinishedAttempt {
  readonly endpoint: string;
  readonly isSuccess: boolean;
  readonly latencyMs: number;
  readonly bytes: number;
}

const limitedAddressLifetimeMs = 60 * 60_000;
const sweepIntervalMs = 5 * 60_000;
const maxLimitedAddresses = 10_000;
const maxEndpointSeries = 1_000;

/**
 * Counts what happened, in memory, from process start. Every attempt counts once: a request that failed over is one
 * failure and one success. Any answer that arrived whole is a success, whatever its HTTP status. Requests refused
 * before an attempt count only as rejected.
 */
export class Stats {
  readonly keys = new KeyCounts();
  readonly tokens = new TokenCounts();
  readonly translators = new TranslatorCounts();
  readonly #clock: Clock;
  readonly #all = new Series();
  readonly #byEndpoint = new Map<string, Series>();
  readonly #limitedAddresses = new Map<string, number>();
  #retained: ReadonlySet<string> | undefined;
  #rejected = 0;
  #rateLimitViolations = 0;
  #sizeLimitViolations = 0;
  #nextSweepAt = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  recordAttempt(attempt: FinishedAttempt): void {
    const now = this.#clock.wallTime();
    this.#all.add(attempt, now);
    this.#seriesOf(attempt.endpoint)?.add(attempt, now);
  }

  /** Called once for each request. An attempt that the client cut short before an answer counts for nobody. */
  recordOutcome(outcome: Outcome): void {
    this.translators.add(outcome);
    this.keys.add(outcome);
    const last = outcome.attempts.at(-1);
    for (const attempt of outcome.attempts) {
      if (attempt.error === "client_abort") continue;
      if (attempt === last && isAnswer(attempt, outcome)) this.#recordAnswer(attempt, outcome);
      else this.recordAttempt({ endpoint: attempt.endpoint, isSuccess: false, latencyMs: 0, bytes: 0 });
    }
    if (outcome.usage !== undefined && last !== undefined) {
      const hasSeries = this.#byEndpoint.has(last.endpoint);
      this.tokens.add(hasSeries ? last.endpoint : undefined, last.model, outcome.usage);
    }
    if (outcome.error !== undefined) this.#recordRejection(outcome.error.code, outcome);
  }

  /** Call when the set of endpoints changes: the others' series go, and what still ends there counts in total only. */
  retainEndpoints(names: Iterable<string>): void {
    const retained = new Set(names);
    this.#retained = retained;
    this.tokens.retainEndpoints(retained);
    for (const name of this.#byEndpoint.keys()) {
      if (!retained.has(name)) this.#byEndpoint.delete(name);
    }
  }

  endpoint(name: string): AttemptTotals {
    return this.#byEndpoint.get(name)?.totals() ?? noAttempts;
  }

  totals(): AttemptTotals {
    return this.#all.totals();
  }

  /** Requests that were refused before any attempt. */
  rejectedRequests(): number {
    return this.#rejected;
  }

  security(): SecurityTotals {
    this.#sweepLimitedAddresses(this.#clock.now());
    return {
      rateLimitViolations: this.#rateLimitViolations,
      sizeLimitViolations: this.#sizeLimitViolations,
      limitedAddresses: this.#limitedAddresses.size,
    };
  }

  #recordAnswer(attempt: AttemptRecord, outcome: Outcome): void {
    const afterHeadMs = outcome.headMs === undefined ? 0 : Math.max(0, outcome.durationMs - outcome.headMs);
    this.recordAttempt({
      endpoint: attempt.endpoint,
      isSuccess: outcome.ending === "complete" || outcome.ending === "client-abort",
      latencyMs: attempt.durationMs + afterHeadMs,
      bytes: outcome.responseBytes,
    });
  }

  #recordRejection(code: ErrorCode, outcome: Outcome): void {
    if (outcome.attempts.length > 0 || code === "client_abort") return;
    this.#rejected += 1;
    if (code === "body_too_large" || code === "headers_too_large") this.#sizeLimitViolations += 1;
    if (code === "rate_limited") {
      this.#rateLimitViolations += 1;
      this.#noteLimitedAddress(outcome.clientAddress);
    }
  }

  #noteLimitedAddress(address: string): void {
    const now = this.#clock.now();
    this.#sweepLimitedAddresses(now);
    if (this.#limitedAddresses.size >= maxLimitedAddresses && !this.#limitedAddresses.has(address)) return;
    this.#limitedAddresses.set(address, now);
  }

  #sweepLimitedAddresses(now: number): void {
    if (now < this.#nextSweepAt) return;
    this.#nextSweepAt = now + sweepIntervalMs;
    for (const [address, seenAt] of this.#limitedAddresses) {
      if (now - seenAt > limitedAddressLifetimeMs) this.#limitedAddresses.delete(address);
    }
  }

  #seriesOf(endpoint: string): Series | undefined {
    const known = this.#byEndpoint.get(endpoint);
    if (known !== undefined) return known;
    if (this.#retained !== undefined && !this.#retained.has(endpoint)) return undefined;
    if (this.#byEndpoint.size >= maxEndpointSeries) return undefined;
    const series = new Series();
    this.#byEndpoint.set(endpoint, series);
    return series;
  }
}

/** Whether the attempt's answer went to the client, and did not merely lead to the next endpoint. */
function isAnswer(attempt: AttemptRecord, outcome: Outcome): boolean {
  return attempt.error === undefined && outcome.endpoint === attempt.endpoint;
}

class Series {
  #requests = 0;
  #successes = 0;
  #bytes = 0;
  #latencySumMs = 0;
  #minLatencyMs = Number.POSITIVE_INFINITY;
  #maxLatencyMs = 0;
  #lastUsedAt: number | undefined;

  add(attempt: FinishedAttempt, now: number): void {
    this.#requests += 1;
    this.#bytes += attempt.bytes;
    this.#lastUsedAt = now;
    if (!attempt.isSuccess) return;
    this.#successes += 1;
    this.#latencySumMs += attempt.latencyMs;
    this.#minLatencyMs = Math.min(this.#minLatencyMs, attempt.latencyMs);
    this.#maxLatencyMs = Math.max(this.#maxLatencyMs, attempt.latencyMs);
  }

  totals(): AttemptTotals {
    const hasSuccess = this.#successes > 0;
    return {
      requests: this.#requests,
      successes: this.#successes,
      failures: this.#requests - this.#successes,
      bytes: this.#bytes,
      averageLatencyMs: hasSuccess ? this.#latencySumMs / this.#successes : undefined,
      minLatencyMs: hasSuccess ? this.#minLatencyMs : 0,
      maxLatencyMs: this.#maxLatencyMs,
      lastUsedAt: this.#lastUsedAt,
    };
  }
}

const noAttempts: AttemptTotals = Object.freeze(new Series().totals());
