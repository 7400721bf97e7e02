/** Where a histogram's buckets end. Shared by all histograms of one kind. */
export interface HistogramLayout {
  /** Upper bounds in milliseconds, ascending; a value that is equal to one is below it. */
  readonly bounds: Float64Array;
  /** Those of `bounds` that are shown to Prometheus, in seconds as they were given. */
  readonly published: readonly number[];
  /** Where each of `published` stands in `bounds`. */
  readonly publishedAt: readonly number[];
}

/** What readers may ask of a histogram. It goes on counting: read what you need at once. */
export interface HistogramView {
  readonly layout: HistogramLayout;
  readonly count: number;
  /** In milliseconds. */
  readonly sum: number;
  /** Milliseconds below which this share (0 to 1) of the values is, within about 9 %; undefined without values. */
  quantile(share: number): number | undefined;
  /** How many values are at or below each of the layout's published bounds. */
  cumulative(): readonly number[];
}

/** A bucket that would end this near to a published bound is left out. */
const nearness = 0.06;

/**
 * Four buckets of the same width for each doubling from `fromMs` on, and the published bounds besides, so that one
 * histogram gives good percentiles and is exact at what Prometheus reads.
 * @param publishedSeconds ascending; the last one is where the layout ends
 */
export function createLayout(fromMs: number, publishedSeconds: readonly number[]): HistogramLayout {
  const shown = publishedSeconds.map((seconds) => seconds * 1000);
  const end = Math.max(...shown);
  const own: number[] = [];
  for (let start = fromMs; start < end; start *= 2) {
    for (let quarter = 0; quarter < 4; quarter++) own.push(start * (1 + quarter / 4));
  }
  const isNear = (bound: number) => shown.some((each) => Math.abs(each - bound) <= nearness * each);
  const between = own.filter((bound) => bound < end && !isNear(bound));
  const bounds = new Float64Array([...between, ...shown]).sort();
  return {
    bounds,
    published: publishedSeconds,
    publishedAt: shown.map((bound) => bounds.indexOf(bound)),
  };
}

/** Counts values by size, in less than a kilobyte however many there are. */
export class Histogram implements HistogramView {
  readonly layout: HistogramLayout;
  /** One more than there are bounds. Doubles, because a busy day would overflow 32 bits. */
  readonly #counts: Float64Array;
  #count = 0;
  #sum = 0;
  #min = Number.POSITIVE_INFINITY;
  #max = 0;

  constructor(layout: HistogramLayout) {
    this.layout = layout;
    this.#counts = new Float64Array(layout.bounds.length + 1);
  }

  get count(): number {
    return this.#count;
  }

  get sum(): number {
    return this.#sum;
  }

  /** Milliseconds. What is no number is ignored; what is below 0, as a clock may make it, counts as 0. */
  observe(milliseconds: number): void {
    if (!Number.isFinite(milliseconds)) return;
    const value = Math.max(milliseconds, 0);
    const index = indexOf(this.layout.bounds, value);
    this.#counts[index] = (this.#counts[index] ?? 0) + 1;
    this.#count += 1;
    this.#sum += value;
    if (value < this.#min) this.#min = value;
    if (value > this.#max) this.#max = value;
  }

  quantile(share: number): number | undefined {
    if (this.#count === 0) return undefined;
    const rank = share * this.#count;
    let before = 0;
    for (let index = 0; index < this.#counts.length; index++) {
      const inside = this.#counts[index] ?? 0;
      if (inside > 0 && before + inside >= rank) return this.#within(index, (rank - before) / inside);
      before += inside;
    }
    return this.#max;
  }

  cumulative(): readonly number[] {
    const sums: number[] = [];
    let sum = 0;
    let index = 0;
    for (const at of this.layout.publishedAt) {
      for (; index <= at; index++) sum += this.#counts[index] ?? 0;
      sums.push(sum);
    }
    return sums;
  }

  /** A place within a bucket, which is never outside of what was seen. */
  #within(index: number, share: number): number {
    const { bounds } = this.layout;
    const low = Math.max(index === 0 ? 0 : (bounds[index - 1] ?? 0), this.#min);
    const high = Math.min(bounds[index] ?? this.#max, this.#max);
    return low + (high - low) * Math.min(1, Math.max(0, share));
  }
}

/**
 * Adds a value to a histogram that is made when there is a first one: most series never need theirs.
 * @returns what to keep
 */
export function observed(
  histogram: Histogram | undefined,
  layout: HistogramLayout,
  milliseconds: number | undefined,
): Histogram | undefined {
  if (milliseconds === undefined) return histogram;
  const target = histogram ?? new Histogram(layout);
  target.observe(milliseconds);
  return target;
}

/** Of the first bound that is not below the value; their number where there is none. */
function indexOf(bounds: Float64Array, value: number): number {
  let low = 0;
  let high = bounds.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((bounds[middle] ?? 0) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
