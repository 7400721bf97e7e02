import { LRUCache } from "lru-cache";
import { networkOf } from "../../lib/cidr.ts";
import { TokenBucket, type TokenBucketSettings } from "./token-bucket.ts";

/** One of the limits that a request must pass. */
export interface Limit {
  readonly bucket: TokenBucket;
  /** For people: `this address`, `this key`. */
  readonly subject: string;
}

export interface RateVerdict {
  /** The limit that refuses, the slowest of several; undefined when the request may pass. */
  readonly refusing: Limit | undefined;
  readonly retryAfterSeconds: number | undefined;
  /** About the limit that refuses, else the one of which least is left. */
  readonly headers: readonly (readonly [name: string, value: string])[];
}

const retryWithoutHopeSeconds = 60;

/** Takes one from each, or nothing at all where any refuses: who is refused uses up nobody else's share. */
export function takeOne(limits: readonly Limit[], now: number, wallTime: number): RateVerdict {
  let refusing: Limit | undefined;
  let tightest: Limit | undefined;
  for (const limit of limits) {
    const { bucket } = limit;
    if (!bucket.hasOne(now) && (refusing === undefined || bucket.waitMs(now) > refusing.bucket.waitMs(now))) {
      refusing = limit;
    }
  }
  for (const limit of limits) {
    if (refusing === undefined) limit.bucket.charge(1, now);
    if (tightest === undefined || limit.bucket.level(now) < tightest.bucket.level(now)) tightest = limit;
  }
  const shown = refusing ?? tightest;
  return {
    refusing,
    retryAfterSeconds: refusing && waitSeconds(refusing.bucket, now),
    headers: shown === undefined ? [] : headersOf(shown.bucket, now, wallTime),
  };
}

/** Whole seconds until a request may pass. */
export function waitSeconds(bucket: TokenBucket, now: number): number {
  const waitMs = bucket.waitMs(now);
  return Number.isFinite(waitMs) ? Math.max(1, Math.ceil(waitMs / 1000)) : retryWithoutHopeSeconds;
}

function headersOf(bucket: TokenBucket, now: number, wallTime: number): RateVerdict["headers"] {
  return [
    ["X-RateLimit-Limit", String(bucket.perMinute)],
    ["X-RateLimit-Remaining", String(Math.max(0, Math.floor(bucket.level(now))))],
    ["X-RateLimit-Reset", String(Math.ceil((wallTime + bucket.fullInMs(now)) / 1000))],
  ];
}

export interface AddressBucketSettings extends TokenBucketSettings {
  /** How often buckets that are full again are dropped, in milliseconds; 0 = only when there are too many. */
  readonly sweepMs: number;
  readonly maxAddresses?: number;
}

/** Some 5 MB. Past it the address that was silent for longest is forgotten. */
const mostAddresses = 20_000;

/** A bucket for each client address, of a bounded number of them. */
export class AddressBuckets {
  readonly #settings: AddressBucketSettings;
  readonly #buckets: LRUCache<string, TokenBucket>;
  #sweptAt: number | undefined;

  constructor(settings: AddressBucketSettings) {
    this.#settings = settings;
    this.#buckets = new LRUCache({ max: settings.maxAddresses ?? mostAddresses });
  }

  get size(): number {
    return this.#buckets.size;
  }

  hasLimits({ capacity, perMinute, sweepMs }: AddressBucketSettings): boolean {
    const own = this.#settings;
    return own.capacity === capacity && own.perMinute === perMinute && own.sweepMs === sweepMs;
  }

  of(address: string, now: number): TokenBucket {
    this.#sweep(now);
    const network = networkOf(address);
    const known = this.#buckets.get(network);
    if (known !== undefined) return known;
    const bucket = new TokenBucket(this.#settings, now);
    this.#buckets.set(network, bucket);
    return bucket;
  }

  /** A full bucket says no more than none. */
  #sweep(now: number): void {
    const { sweepMs } = this.#settings;
    this.#sweptAt ??= now;
    if (sweepMs === 0 || now - this.#sweptAt < sweepMs) return;
    this.#sweptAt = now;
    for (const [network, bucket] of this.#buckets.entries()) {
      if (bucket.fullInMs(now) === 0) this.#buckets.delete(network);
    }
  }
}
