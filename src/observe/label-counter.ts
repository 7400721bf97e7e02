/** One series: the values of its labels, in the order of their names, and how often. */
export interface LabelCount {
  readonly labels: readonly string[];
  readonly count: number;
}

const maxSeries = 1_000;
export const otherLabel = "other";

interface Series {
  readonly labels: readonly string[];
  count: number;
}

/** Counts by the values of up to three labels: at most 1,000 sets of them, what comes later together as `other`. */
export class LabelCounter {
  /** By the first label; below one there are few, which are looked through. */
  readonly #branches = new Map<string, Series[]>();
  #size = 0;

  /** Called for every request, so a set that is known costs one look-up and no allocation. */
  add(first: string, second?: string, third?: string): void {
    const branch = this.#branches.get(first);
    if (branch !== undefined) {
      for (const series of branch) {
        const { labels } = series;
        if (labels[1] !== second || labels[2] !== third) continue;
        series.count += 1;
        return;
      }
    }
    this.#addNew([first, second, third].filter((label) => label !== undefined));
  }

  /** As it is now, in no order. */
  list(): readonly LabelCount[] {
    return [...this.#branches.values()].flatMap((branch) =>
      branch.map(({ labels, count }) => ({ labels, count })),
    );
  }

  /** Forgets the series with these labels. */
  forget(isGone: (labels: readonly string[]) => boolean): void {
    for (const [first, branch] of this.#branches) {
      const kept = branch.filter(({ labels }) => !isGone(labels));
      this.#size -= branch.length - kept.length;
      if (kept.length === 0) this.#branches.delete(first);
      else this.#branches.set(first, kept);
    }
  }

  #addNew(labels: readonly string[]): void {
    const [first = otherLabel, ...others] = labels;
    if (this.#size >= maxSeries && labels.some((label) => label !== otherLabel)) {
      const [second, third] = others.map(() => otherLabel);
      this.add(otherLabel, second, third);
      return;
    }
    const branch = this.#branches.get(first) ?? [];
    branch.push({ labels, count: 1 });
    this.#branches.set(first, branch);
    this.#size += 1;
  }
}
