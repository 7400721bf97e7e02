import type { Outcome } from "./outcome.ts";

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
}

type Counts = { -readonly [Name in Exclude<keyof KeyTotals, "name">]: KeyTotals[Name] };

/** Counts by client key, from process start. The keys are those of the configuration, so the table is small. */
export class KeyCounts {
  readonly #byName = new Map<string, Counts>();

  /** Called once for each request; those without a key count for nothing. */
  add({ clientKey, status, ending, error, usage }: Outcome): void {
    if (clientKey === undefined) return;
    const counts = this.#countsOf(clientKey);
    counts.requests += 1;
    if (status < 400 && ending === "complete") counts.successes += 1;
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
    const counts = { requests: 0, successes: 0, limited: 0, inputTokens: 0, outputTokens: 0 };
    this.#byName.set(name, counts);
    return counts;
  }
}
