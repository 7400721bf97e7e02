const minuteMs = 60_000;

export interface TokenBucketSettings {
  /** What a bucket holds at most, and at first. */
  readonly capacity: number;
  /** Above 0. */
  readonly perMinute: number;
}

/**
 * A supply that refills evenly. Over any time no more is taken than the capacity and what flowed in meanwhile, except for
 * what `charge` takes without asking. Times are monotonic milliseconds.
 */
export class TokenBucket {
  readonly perMinute: number;
  readonly capacity: number;
  /** What is missing, in 1/60 000 of a token: with whole milliseconds a whole number, so that nothing is ever rounded. */
  #missing = 0;
  #settledAt: number;

  constructor({ capacity, perMinute }: TokenBucketSettings, now: number) {
    this.perMinute = perMinute;
    this.capacity = capacity;
    this.#settledAt = now;
  }

  /** What it holds; below 0 where more was charged than there was. */
  level(now: number): number {
    return this.capacity - this.#missingAt(now) / minuteMs;
  }

  hasOne(now: number): boolean {
    return this.#missingAt(now) + minuteMs <= this.capacity * minuteMs;
  }

  /** Takes whatever is left of them or not. */
  charge(tokens: number, now: number): void {
    this.#missing = this.#missingAt(now) + tokens * minuteMs;
    this.#settledAt = Math.max(now, this.#settledAt);
  }

  /** Milliseconds until `hasOne`; infinite for a bucket that can't hold one. */
  waitMs(now: number): number {
    if (this.capacity < 1) return Number.POSITIVE_INFINITY;
    const surplus = this.#missingAt(now) + minuteMs - this.capacity * minuteMs;
    return Math.max(0, surplus / this.perMinute);
  }

  /** Milliseconds until it holds its capacity; 0 says that it is as good as new. */
  fullInMs(now: number): number {
    return this.#missingAt(now) / this.perMinute;
  }

  #missingAt(now: number): number {
    return Math.max(0, this.#missing - Math.max(0, now - this.#settledAt) * this.perMinute);
  }
}

/** The bucket from before where its limit is still the same, so that nobody gets a new supply; else a full one. */
export function continueBucket(
  before: TokenBucket | undefined,
  settings: TokenBucketSettings,
  now: number,
): TokenBucket {
  const isSame = before?.capacity === settings.capacity && before.perMinute === settings.perMinute;
  return isSame ? before : new TokenBucket(settings, now);
}
