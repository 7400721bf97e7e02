import { compileGlobs } from "../../lib/glob.ts";
import { digestOf } from "../../lib/key-digest.ts";
import type { ClientKey } from "../../pipeline/client-key.ts";
import { continueBucket, type TokenBucket } from "./token-bucket.ts";

/** A configured key. Of limits, 0 is none. */
export interface ClientKeySettings {
  readonly name: string;
  /** SHA-256 of the key, in hexadecimal. */
  readonly digest: string;
  /** Globs; none admit everything. */
  readonly models: readonly string[];
  readonly requestsPerMinute: number;
  readonly tokensPerMinute: number;
  readonly maxParallel: number;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number | undefined;
  readonly priority: number;
  readonly isLocalOnly: boolean;
}

/** A key with what is used of it. */
export interface KeyAccount {
  readonly key: ClientKey;
  readonly expiresAt: number | undefined;
  /** Undefined where that is not limited. */
  readonly requests: TokenBucket | undefined;
  readonly tokens: TokenBucket | undefined;
  readonly maxParallel: number;
  readonly underWay: RequestsUnderWay;
}

/** An object of its own, because the requests outlive the account that a reload replaces. */
export interface RequestsUnderWay {
  count: number;
}

export interface KeyTable {
  find(text: string): KeyAccount | undefined;
  /** @param digest as in the settings */
  byDigest(digest: string): KeyAccount | undefined;
}

/**
 * All keys. They are looked up by a digest that nobody outside can compute, because part of what goes into it is made up
 * at start: so how long a look-up takes tells nothing about any key, not even about one that could be guessed.
 * @param burst most requests at once within `requestsPerMinute`
 * @param before whose counts go on for the keys that are still there
 */
export function createKeyTable(
  keys: readonly ClientKeySettings[],
  burst: number,
  now: number,
  before?: KeyTable,
): KeyTable {
  const salt = crypto.randomUUID();
  const accounts = new Map(
    keys.map((settings) => {
      const known = before?.byDigest(settings.digest);
      return [digestOf(salt + settings.digest), createAccount(settings, burst, now, known)];
    }),
  );
  const byDigest = (digest: string) => accounts.get(digestOf(salt + digest));
  return { find: (text) => byDigest(digestOf(text)), byDigest };
}

function createAccount(
  settings: ClientKeySettings,
  burst: number,
  now: number,
  before: KeyAccount | undefined,
): KeyAccount {
  const { requestsPerMinute, tokensPerMinute } = settings;
  const bucket = (capacity: number, perMinute: number, known: TokenBucket | undefined) =>
    perMinute === 0 ? undefined : continueBucket(known, { capacity, perMinute }, now);
  return {
    key: Object.freeze({
      name: settings.name,
      admitsModel: createModelTest(settings.models),
      priority: settings.priority,
      isLocalOnly: settings.isLocalOnly,
    }),
    expiresAt: settings.expiresAt,
    // Ten a minute should not be fifty at once, whatever the burst for everybody is.
    requests: bucket(Math.min(burst, requestsPerMinute), requestsPerMinute, before?.requests),
    tokens: bucket(tokensPerMinute, tokensPerMinute, before?.tokens),
    maxParallel: settings.maxParallel,
    underWay: before?.underWay ?? { count: 0 },
  };
}

const latest = ":latest";

/** `llama3` and `llama3:latest` are one model wherever names are compared. */
function createModelTest(models: readonly string[]): (name: string) => boolean {
  if (models.length === 0) return () => true;
  const admits = compileGlobs({ include: models });
  return (name) => {
    if (admits(name)) return true;
    const isLatest = name.toLowerCase().endsWith(latest);
    return admits(isLatest ? name.slice(0, -latest.length) : name + latest);
  };
}
