import type { FleetView } from "./fleet-view.ts";

/** Each per second. */
export interface Rates {
  readonly requests: number;
  readonly tokens: number;
  readonly errors: number;
  /** Milliseconds that they are an average of. */
  readonly overMs: number;
}

interface Sample {
  readonly atMs: number;
  readonly startTime: string;
  readonly requests: number;
  readonly tokens: number;
  readonly errors: number;
}

/**
 * Makes rates of counters that are looked at from time to time. They are averages of some seconds: tokens are counted
 * when an answer ends, so those of a single look would be nothing at all, and then far too much.
 */
export class RateWindow {
  readonly #windowMs: number;
  #samples: Sample[] = [];

  constructor(windowMs: number) {
    this.#windowMs = windowMs;
  }

  /** @param atMs of a monotonic clock @returns undefined for the first look at this process of Olla */
  add(fleet: FleetView, atMs: number): Rates | undefined {
    const sample: Sample = {
      atMs,
      startTime: fleet.startTime,
      requests: fleet.requests,
      tokens: fleet.inputTokens + fleet.outputTokens,
      errors: fleet.failures,
    };
    const last = this.#samples.at(-1);
    const isContinued =
      last !== undefined && last.startTime === sample.startTime && last.requests <= sample.requests;
    this.#samples = isContinued ? [...this.#samples, sample] : [sample];
    // The newest one that is old enough is what the others are compared with.
    while ((this.#samples[1]?.atMs ?? atMs) <= atMs - this.#windowMs) this.#samples.shift();
    const [first] = this.#samples;
    if (first === undefined || first.atMs >= atMs) return undefined;
    const overMs = atMs - first.atMs;
    // Counters of an endpoint that went are taken off the totals: that is no negative rate.
    const rate = (from: number, to: number) => (Math.max(0, to - from) / overMs) * 1000;
    return {
      requests: rate(first.requests, sample.requests),
      tokens: rate(first.tokens, sample.tokens),
      errors: rate(first.errors, sample.errors),
      overMs,
    };
  }
}
