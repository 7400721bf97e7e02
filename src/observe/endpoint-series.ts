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

/** One finished attempt. `latencyMs` runs from the send to the end of the body; it counts only for a success. */
export interface FinishedAttempt {
  readonly endpoint: string;
  readonly isSuccess: boolean;
  readonly latencyMs: number;
  readonly bytes: number;
}

export class EndpointSeries {
  #requests = 0;
  #successes = 0;
  #bytes = 0;
  #latencySumMs = 0;
  #minLatencyMs = Number.POSITIVE_INFINITY;
  #maxLatencyMs = 0;
  #lastUsedAt: number | undefined;
  /** Failures since the last success. */
  errorsInRow = 0;

  add(attempt: FinishedAttempt, now: number): void {
    this.#requests += 1;
    this.#bytes += attempt.bytes;
    this.#lastUsedAt = now;
    this.errorsInRow = attempt.isSuccess ? 0 : this.errorsInRow + 1;
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

export const noAttempts: AttemptTotals = Object.freeze(new EndpointSeries().totals());
