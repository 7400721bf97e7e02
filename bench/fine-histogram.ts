/** Buckets for each doubling: what is read is within 0.2 % of what was counted. */
const stepBits = 8;
const steps = 1 << stepBits;
const ticksPerMicrosecond = 10;

/** Counts times in microseconds, finely enough to take one percentile from another, in 80 KiB however many there are. */
export class FineHistogram {
  /** Up to 2^40 ticks, which is a day. */
  readonly #counts = new Float64Array(steps * (41 - stepBits));
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** What is below 0, as two processes' clocks may make it, counts as 0. */
  record(microseconds: number): void {
    const index = Math.min(indexOf(Math.max(0, microseconds * ticksPerMicrosecond)), this.#counts.length - 1);
    this.#counts[index] = (this.#counts[index] ?? 0) + 1;
    this.#count += 1;
  }

  /** The time that this share (0 to 1) of all times is not above; 0 without any. */
  quantile(share: number): number {
    if (this.#count === 0) return 0;
    const rank = Math.max(1, Math.ceil(share * this.#count));
    let seen = 0;
    for (let index = 0; index < this.#counts.length; index += 1) {
      seen += this.#counts[index] ?? 0;
      if (seen >= rank) return middleOf(index) / ticksPerMicrosecond;
    }
    return 0;
  }
}

/** Ticks below `steps` have a bucket each; each doubling above them has `steps / 2` of the same width. */
function indexOf(ticks: number): number {
  const whole = Math.floor(ticks);
  if (whole < steps) return whole;
  const shift = Math.floor(Math.log2(whole)) - (stepBits - 1);
  const half = steps / 2;
  return steps + (shift - 1) * half + (Math.floor(whole / 2 ** shift) - half);
}

function middleOf(index: number): number {
  if (index < steps) return index;
  const half = steps / 2;
  const shift = Math.floor((index - steps) / half) + 1;
  const start = (half + ((index - steps) % half)) * 2 ** shift;
  return start + 2 ** shift / 2;
}
