import { type Histogram, type HistogramView, observed } from "./histogram.ts";
import { durationLayout, firstTokenLayout } from "./histogram-layouts.ts";
import type { Outcome } from "./outcome.ts";
import { resultOf } from "./request-result.ts";
import { ttftOf } from "./request-row.ts";

/** What became of the requests with one client key. */
export interface KeyTotals {
  readonly name: string;
  readonly requests: number;
  /** Answered below 400, and to the end. */
  readonly successes: number;
  /** Refused because a limit of the key, of its address or of all was reached. */
  readonly limited: number;
  /** As answers say it. */
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** From arrival to end, of successes; this and the next are undefined until there is one. Go on counting. */
  readonly latency: HistogramView | undefined;
  /** From arrival to the first byte, of streams that succeeded. */
  readonly ttft: HistogramView | undefined;
}

type Counts = {
  -readonly [Name in Exclude<keyof KeyTotals, "name" | "latency" | "ttft">]: KeyTotals[Name];
} & {
  latency: Histogram | undefined;
  ttft: Histogram | undefined;
};

/** Counts by client key, from process start. The keys are those of the configuration, so the table is small. */
export class KeyCounts {
  readonly #byName = new Map<string, Counts>();

  /** Called once for each request; those without a key count for nothing. */
  add(outcome: Outcome): void {
    const { clientKey, error, usage } = outcome;
    if (clientKey === undefined) return;
    const counts = this.#countsOf(clientKey);
    counts.requests += 1;
    if (resultOf(outcome) === "success") addSuccess(counts, outcome);
    if (error?.code === "rate_limited") counts.limited += 1;
    counts.inputTokens += usage?.input_tokens ?? 0;
    counts.outputTokens += usage?.output_tokens ?? 0;
  }

  /** Those with at least one request, the busiest first. */
  totals(): readonly KeyTotals[] {
    return [...this.#byName]
      .map(([name, counts]) => ({ name, ...counts }))
      .sort((left, right) => right.requests - left.requests || (left.name < right.name ? -1 : 1));
  }

  #countsOf(name: string): Counts {
    const known = this.#byName.get(name);
    if (known !== undefined) return known;
    const counts: Counts = {
      requests: 0,
      successes: 0,
      limited: 0,
      inputTokens: 0,
      outputTokens: 0,
      latency: undefined,
      ttft: undefined,
    };
    this.#byName.set(name, counts);
    return counts;
  }
}

function addSuccess(counts: Counts, outcome: Outcome): void {
  counts.successes += 1;
  counts.latency = observed(counts.latency, durationLayout, outcome.durationMs);
  counts.ttft = observed(counts.ttft, firstTokenLayout, ttftOf(outcome));
}
