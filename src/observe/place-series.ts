import { type AttemptOutcome, attemptOutcomes, isEndpointFailure } from "./attempt-outcome.ts";
import { type Histogram, type HistogramView, observed } from "./histogram.ts";
import { durationLayout, firstTokenLayout, tokenLayout } from "./histogram-layouts.ts";

/** What attempts with one model at one endpoint came to. Goes on counting: read what you need at once. */
export interface PlaceTotals {
  readonly endpoint: string;
  /** As the endpoint was asked for it; `none`, or `other`. */
  readonly model: string;
  /** Without those that clients left before there was an answer. */
  readonly attempts: number;
  /** Failures of the endpoint's, not the client's. */
  readonly failures: number;
  /** In a row; 0 after an answer. */
  readonly consecutiveErrors: number;
  /** Milliseconds since the epoch. */
  readonly lastUsedAt: number;
  /** Answers below 400, from the send to the end. This and the following are missing until there is something in them. */
  readonly latency: HistogramView | undefined;
  /** From the send to the first byte of a stream. */
  readonly ttft: HistogramView | undefined;
  /** For each token after the first, one value for a stream. */
  readonly perToken: HistogramView | undefined;
  /** How many attempts ended this way. */
  countOf(outcome: AttemptOutcome): number;
}

export class PlaceSeries implements PlaceTotals {
  readonly endpoint: string;
  readonly model: string;
  readonly #counts = new Float64Array(attemptOutcomes.length);
  attempts = 0;
  failures = 0;
  consecutiveErrors = 0;
  lastUsedAt = 0;
  latency: Histogram | undefined;
  ttft: Histogram | undefined;
  perToken: Histogram | undefined;

  constructor(endpoint: string, model: string) {
    this.endpoint = endpoint;
    this.model = model;
  }

  add(outcome: AttemptOutcome, now: number): void {
    const index = attemptOutcomes.indexOf(outcome);
    this.#counts[index] = (this.#counts[index] ?? 0) + 1;
    this.lastUsedAt = now;
    if (outcome === "aborted" || outcome === "cancelled") return;
    this.attempts += 1;
    if (!isEndpointFailure(outcome)) {
      this.consecutiveErrors = 0;
      return;
    }
    this.failures += 1;
    this.consecutiveErrors += 1;
  }

  observe(latencyMs: number | undefined, ttftMs: number | undefined, perTokenMs: number | undefined): void {
    this.latency = observed(this.latency, durationLayout, latencyMs);
    this.ttft = observed(this.ttft, firstTokenLayout, ttftMs);
    this.perToken = observed(this.perToken, tokenLayout, perTokenMs);
  }

  countOf(outcome: AttemptOutcome): number {
    return this.#counts[attemptOutcomes.indexOf(outcome)] ?? 0;
  }
}
