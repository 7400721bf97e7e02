import type { ClientApiOutcome, FallbackReason, Outcome } from "./outcome.ts";

/** What became of the requests in one client's API. Latencies in milliseconds, over successes only. */
export interface TranslatorTotals {
  readonly name: string;
  readonly requests: number;
  /** Answered below 400, and to the end. */
  readonly successes: number;
  readonly passthroughs: number;
  readonly streams: number;
  readonly fallbacks: Readonly<Record<FallbackReason, number>>;
  /** 0 without a success. */
  readonly averageLatencyMs: number;
}

interface Counts {
  requests: number;
  successes: number;
  passthroughs: number;
  streams: number;
  latencySumMs: number;
  readonly fallbacks: Record<FallbackReason, number>;
}

/** Counts by client API, from process start. Their names are a closed list, so the table is small. */
export class TranslatorCounts {
  readonly #byName = new Map<ClientApiOutcome["name"], Counts>();

  /** Called once for each request; those in no such API count for nothing. */
  add({ clientApi, status, ending, isStream, durationMs }: Outcome): void {
    if (clientApi === undefined) return;
    const counts = this.#countsOf(clientApi.name);
    counts.requests += 1;
    if (status < 400 && ending === "complete") {
      counts.successes += 1;
      counts.latencySumMs += durationMs;
    }
    if (clientApi.mode === "passthrough") counts.passthroughs += 1;
    if (isStream || clientApi.wantsStream) counts.streams += 1;
    if (clientApi.fallback !== undefined) counts.fallbacks[clientApi.fallback] += 1;
  }

  /** Those with at least one request, the busiest first. */
  totals(): readonly TranslatorTotals[] {
    return [...this.#byName]
      .map(([name, { latencySumMs, fallbacks, ...counts }]) => ({
        name,
        ...counts,
        fallbacks: { ...fallbacks },
        averageLatencyMs: counts.successes === 0 ? 0 : latencySumMs / counts.successes,
      }))
      .sort((left, right) => right.requests - left.requests || (left.name < right.name ? -1 : 1));
  }

  #countsOf(name: ClientApiOutcome["name"]): Counts {
    const known = this.#byName.get(name);
    if (known !== undefined) return known;
    const fallbacks = { no_compatible_endpoints: 0, cannot_passthrough: 0 };
    const counts = { requests: 0, successes: 0, passthroughs: 0, streams: 0, latencySumMs: 0, fallbacks };
    this.#byName.set(name, counts);
    return counts;
  }
}
