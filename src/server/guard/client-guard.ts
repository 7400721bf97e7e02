import { OllaError } from "../../errors.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Outcome } from "../../observe/outcome.ts";
import { namesCredential } from "../../observe/redact-query.ts";
import type { ClientKey } from "../../pipeline/client-key.ts";
import type { Arrival } from "../arrival.ts";
import { type ClientKeySettings, createKeyTable, type KeyAccount, type KeyTable } from "./client-keys.ts";
import { readCredentials } from "./credentials.ts";
import { AddressBuckets, type Limit, takeOne, waitSeconds } from "./rate-limits.ts";
import { continueBucket, type TokenBucket } from "./token-bucket.ts";
import { tokensOf } from "./tokens-used.ts";

/** Of limits, 0 is none. */
export interface ClientGuardSettings {
  readonly keys: readonly ClientKeySettings[];
  readonly globalPerMinute: number;
  readonly perAddressPerMinute: number;
  readonly healthPerMinute: number;
  readonly burst: number;
  /** How often the counters of silent addresses are dropped, in milliseconds. */
  readonly sweepMs: number;
}

/**
 * What a request asks for, as far as it matters here. `inference` may be sent on to an endpoint; `own` is answered out of
 * what Olla knows; `open` is for everybody, and for the admin side to judge.
 */
export type RequestKind = "inference" | "own" | "health" | "open";

/** How a request was let in, or not. */
export interface Entry {
  readonly clientKey: ClientKey | undefined;
  /** Undefined for a request that may pass. */
  readonly refusal: OllaError | undefined;
  /** For the answer, whatever it is. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Undefined where nothing has to be given back. */
  readonly lease: Lease | undefined;
}

/** What a request holds until its answer has ended. */
export interface Lease {
  /** Its tokens are counted, so the endpoint is to be asked for their number where it would not say it. */
  readonly needsUsage: boolean;
  /** Called when the answer has ended, however. Only the first call counts. */
  end(outcome?: Outcome): void;
}

export interface ClientGuard {
  /** Before anything of the body is read. Undefined for a request that nobody limits. */
  enter(arrival: Arrival, kind: RequestKind): Entry | undefined;
}

/** Wrong keys of one address in a minute, past which it is told to wait. Right ones are let in all the same. */
const wrongKeysPerMinute = 30;
const parallelRetrySeconds = 1;

/**
 * Undefined where nothing is configured: then nothing is asked.
 * @param before the guard that this one takes over from: what is used up stays so where the limit is the same
 */
export function createClientGuard(
  settings: ClientGuardSettings,
  clock: Clock,
  before?: ClientGuard,
): ClientGuard | undefined {
  const { keys, globalPerMinute, perAddressPerMinute, healthPerMinute } = settings;
  const isIdle = keys.length === 0 && globalPerMinute + perAddressPerMinute + healthPerMinute === 0;
  return isIdle ? undefined : new Guard(settings, clock, before instanceof Guard ? before : undefined);
}

/** What clients have used up so far. */
interface UsedUp {
  readonly keys: KeyTable | undefined;
  readonly global: TokenBucket | undefined;
  readonly perAddress: AddressBuckets | undefined;
  readonly health: AddressBuckets | undefined;
  readonly wrongKeys: AddressBuckets;
}

class Guard implements ClientGuard {
  readonly #clock: Clock;
  readonly #keys: KeyTable | undefined;
  readonly #global: TokenBucket | undefined;
  readonly #perAddress: AddressBuckets | undefined;
  readonly #health: AddressBuckets | undefined;
  readonly #wrongKeys: AddressBuckets;

  constructor(settings: ClientGuardSettings, clock: Clock, before: Guard | undefined) {
    const { keys, burst, sweepMs, globalPerMinute } = settings;
    const now = clock.now();
    const used = before?.used();
    const perAddress = (perMinute: number, known: AddressBuckets | undefined) => {
      if (perMinute === 0) return undefined;
      const limits = { capacity: burst, perMinute, sweepMs };
      return known?.hasLimits(limits) === true ? known : new AddressBuckets(limits);
    };
    this.#clock = clock;
    this.#keys = keys.length === 0 ? undefined : createKeyTable(keys, burst, now, used?.keys);
    this.#global =
      globalPerMinute === 0
        ? undefined
        : continueBucket(used?.global, { capacity: burst, perMinute: globalPerMinute }, now);
    this.#perAddress = perAddress(settings.perAddressPerMinute, used?.perAddress);
    this.#health = perAddress(settings.healthPerMinute, used?.health);
    this.#wrongKeys =
      used?.wrongKeys ??
      new AddressBuckets({ capacity: wrongKeysPerMinute, perMinute: wrongKeysPerMinute, sweepMs: 60_000 });
  }

  /** For the guard that takes over. */
  used(): UsedUp {
    return {
      keys: this.#keys,
      global: this.#global,
      perAddress: this.#perAddress,
      health: this.#health,
      wrongKeys: this.#wrongKeys,
    };
  }

  enter(arrival: Arrival, kind: RequestKind): Entry | undefined {
    switch (kind) {
      case "open":
        return undefined;
      case "health":
        return this.#health && this.#limit(undefined, this.#addressLimit(this.#health, arrival));
      default:
        return this.#admit(arrival, kind);
    }
  }

  #admit(arrival: Arrival, kind: RequestKind): Entry | undefined {
    let account: KeyAccount | undefined;
    if (this.#keys !== undefined) {
      // First, so that who has no key uses up nothing of what those have who do.
      const found = this.#identify(arrival, this.#keys);
      if (found.refusal !== undefined) return found.refusal;
      account = found.account;
    }
    const limits: Limit[] = [];
    if (account?.requests !== undefined) limits.push({ bucket: account.requests, subject: "this key" });
    if (this.#perAddress !== undefined) limits.push(...this.#addressLimit(this.#perAddress, arrival));
    if (this.#global !== undefined) limits.push({ bucket: this.#global, subject: "all clients together" });
    if (account === undefined) return limits.length === 0 ? undefined : this.#limit(undefined, limits);
    const refusal = kind === "inference" ? this.#refuseUse(account) : undefined;
    if (refusal !== undefined) return refuse(refusal, account.key);
    const entry = this.#limit(account.key, limits);
    if (entry.refusal !== undefined || kind !== "inference") return entry;
    return { ...entry, lease: this.#lease(account) };
  }

  #addressLimit(buckets: AddressBuckets, { clientAddress }: Arrival): readonly Limit[] {
    return [{ bucket: buckets.of(clientAddress, this.#clock.now()), subject: "this client address" }];
  }

  #limit(clientKey: ClientKey | undefined, limits: readonly Limit[]): Entry {
    const now = this.#clock.now();
    const { refusing, retryAfterSeconds = 1, headers } = takeOne(limits, now, this.#clock.wallTime());
    const refusal =
      refusing &&
      new OllaError(
        "rate_limited",
        `Too many requests: ${refusing.subject} may send ${refusing.bucket.perMinute} a minute. Try again in ${retryAfterSeconds} s`,
        { retryAfterSeconds },
      );
    return { clientKey, refusal, headers, lease: undefined };
  }

  /** What only costs where a model works. */
  #refuseUse({ tokens, underWay, maxParallel }: KeyAccount): OllaError | undefined {
    const now = this.#clock.now();
    if (tokens !== undefined && !tokens.hasOne(now)) {
      const retryAfterSeconds = waitSeconds(tokens, now);
      return new OllaError(
        "rate_limited",
        `Too many tokens: this key may use ${tokens.perMinute} a minute. Try again in ${retryAfterSeconds} s`,
        { retryAfterSeconds },
      );
    }
    if (maxParallel === 0 || underWay.count < maxParallel) return undefined;
    return new OllaError(
      "rate_limited",
      `Too many requests at once: this key may have ${maxParallel} under way`,
      { retryAfterSeconds: parallelRetrySeconds },
    );
  }

  #lease(account: KeyAccount): Lease {
    const { tokens, underWay } = account;
    underWay.count += 1;
    let isHeld = true;
    return {
      needsUsage: tokens !== undefined,
      end: (outcome) => {
        if (!isHeld) return;
        isHeld = false;
        underWay.count -= 1;
        if (tokens !== undefined && outcome !== undefined)
          tokens.charge(tokensOf(outcome), this.#clock.now());
      },
    };
  }

  #identify(arrival: Arrival, keys: KeyTable): { account?: KeyAccount; refusal?: Entry } {
    const { request, query } = arrival;
    if (query !== "" && namesCredential(query)) {
      return { refusal: unauthorized(arrival, keyInAddress) };
    }
    const credentials = readCredentials(request.headers);
    if (credentials.kind === "none") return { refusal: unauthorized(arrival, noKey) };
    if (credentials.kind === "malformed") return { refusal: this.#refuseWrong(arrival, credentials.reason) };
    let expired: KeyAccount | undefined;
    for (const text of credentials.texts) {
      const account = keys.find(text);
      if (account === undefined) continue;
      if (account.expiresAt === undefined || this.#clock.wallTime() < account.expiresAt) return { account };
      expired = account;
    }
    if (expired === undefined) return { refusal: this.#refuseWrong(arrival, wrongKey) };
    const day = new Date(expired.expiresAt ?? 0).toISOString();
    const error = new OllaError("key_expired", `This API key has expired on ${day}`);
    return { refusal: { ...refuse(error, expired.key), headers: challengeFor(arrival) } };
  }

  #refuseWrong(arrival: Arrival, reason: string): Entry {
    const now = this.#clock.now();
    const bucket = this.#wrongKeys.of(arrival.clientAddress, now);
    if (bucket.hasOne(now)) {
      bucket.charge(1, now);
      return unauthorized(arrival, reason);
    }
    const retryAfterSeconds = waitSeconds(bucket, now);
    return refuse(
      new OllaError("rate_limited", "Too many wrong API keys from this client address", {
        retryAfterSeconds,
      }),
      undefined,
    );
  }
}

const noKey = "This server asks for an API key: send it as Authorization: Bearer, or as x-api-key";
const wrongKey = "This API key is not known here";
const keyInAddress =
  "An API key in the address is not accepted, because addresses are written to logs: send it as Authorization: Bearer, or as x-api-key";

function refuse(refusal: OllaError, clientKey: ClientKey | undefined): Entry {
  return { clientKey, refusal, headers: [], lease: undefined };
}

function unauthorized(arrival: Arrival, reason: string): Entry {
  return { ...refuse(new OllaError("unauthorized", reason), undefined), headers: challengeFor(arrival) };
}

/** A browser asks its user for a password, but only where a page was to be shown: chat pages ask for keys themselves. */
function challengeFor({ request }: Arrival): Entry["headers"] {
  const isPage = request.headers.get("sec-fetch-mode") === "navigate";
  return [
    ["WWW-Authenticate", `${isPage ? 'Basic realm="Olla", charset="UTF-8", ' : ""}Bearer realm="Olla"`],
  ];
}
