/** One series: the values of its labels, in the order of their names, and how often. */
export interface LabelCount {
  readonly labels: readonly string[];
  readonly count: number;
}

const maxSeries = 1_000;
export const otherLabel = "other";

/** Counts by the values of a few labels: at most 1,000 sets of them, what comes later together as `other`. */
export class LabelCounter {
  readonly #series = new Map<string, { readonly labels: readonly string[]; count: number }>();

  add(...labels: readonly string[]): void {
    const key = labels.length === 1 ? (labels[0] ?? "") : labels.join("\0");
    const known = this.#series.get(key);
    if (known !== undefined) {
      known.count += 1;
      return;
    }
    if (this.#series.size >= maxSeries && labels.some((label) => label !== otherLabel)) {
      this.add(...labels.map(() => otherLabel));
      return;
    }
    this.#series.set(key, { labels, count: 1 });
  }

  /** As it is now, in no order. */
  list(): readonly LabelCount[] {
    return [...this.#series.values()].map(({ labels, count }) => ({ labels, count }));
  }

  /** Forgets the series with these labels. */
  forget(isGone: (labels: readonly string[]) => boolean): void {
    for (const [key, { labels }] of this.#series) if (isGone(labels)) this.#series.delete(key);
  }
}
