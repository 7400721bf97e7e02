import { OllaError } from "../../errors.ts";
import type { Clock } from "../../lib/clock.ts";
import { digestOf } from "../../lib/key-digest.ts";
import { requireLocalCaller } from "../admin-access.ts";
import type { Arrival } from "../arrival.ts";
import { readCredentials } from "./credentials.ts";
import type { HostTest } from "./host-guard.ts";
import { AddressBuckets, waitSeconds } from "./rate-limits.ts";

export interface AdminGuardSettings {
  /** SHA-256 of the admin key, in hexadecimal; undefined where none is configured. */
  readonly digest: string | undefined;
  /** Names by which this machine's own programs call it. */
  readonly knowsHost: HostTest;
}

/** Who may see and do what only operators should. */
export interface AdminGuard {
  /** For what everybody may see until there is an admin key. @throws OllaError unauthorized, rate_limited */
  requireReader(arrival: Arrival): void;
  /**
   * For whatever changes something, or shows what clients said or how Olla is configured: the admin key, or where there
   * is none a program on this machine.
   * @throws OllaError unauthorized, forbidden, rate_limited
   */
  requireAdmin(arrival: Arrival): void;
}

/** A refusal that says in a header how to do better. */
export class AdminKeyMissing extends OllaError {
  /** For the header `WWW-Authenticate`. */
  readonly challenge: string;

  constructor(message: string, challenge: string) {
    super("unauthorized", message);
    this.challenge = challenge;
  }
}

/** Wrong keys of one address in a minute. Past it even the right one has to wait: else guessing would only be slower. */
const wrongKeysPerMinute = 10;

export function createAdminGuard({ digest, knowsHost }: AdminGuardSettings, clock: Clock): AdminGuard {
  const requireLocal = (arrival: Arrival) => requireLocalCaller(arrival, knowsHost);
  if (digest === undefined) return { requireReader() {}, requireAdmin: requireLocal };
  const requireKey = createKeyTest(digest, clock);
  return { requireReader: requireKey, requireAdmin: requireKey };
}

function createKeyTest(digest: string, clock: Clock): (arrival: Arrival) => void {
  const expected = Buffer.from(digest, "hex");
  const attempts = new AddressBuckets({
    capacity: wrongKeysPerMinute,
    perMinute: wrongKeysPerMinute,
    sweepMs: 60_000,
  });
  const isRight = (text: string) => crypto.timingSafeEqual(Buffer.from(digestOf(text), "hex"), expected);
  return (arrival) => {
    const credentials = readCredentials(arrival.request.headers);
    if (credentials.kind === "none") throw keyMissing(arrival, "This asks for the admin key");
    const now = clock.now();
    const bucket = attempts.of(arrival.clientAddress, now);
    if (!bucket.hasOne(now)) throw tooMany(waitSeconds(bucket, now));
    if (credentials.kind === "given") {
      // Both are compared, whatever comes of the first.
      const results = credentials.texts.map(isRight);
      if (results.includes(true)) return;
    }
    bucket.charge(1, now);
    const reason = credentials.kind === "malformed" ? credentials.reason : "This is not the admin key";
    throw keyMissing(arrival, reason);
  };
}

function keyMissing({ request }: Arrival, reason: string): OllaError {
  const cure = "send it as Authorization: Bearer, as x-api-key, or as the password of Basic";
  // A browser asks its user only where a page was to be shown; pages that ask for data do that themselves.
  const isPage = request.headers.get("sec-fetch-mode") === "navigate";
  const challenge = `${isPage ? 'Basic realm="Olla admin", charset="UTF-8", ' : ""}Bearer realm="Olla admin"`;
  return new AdminKeyMissing(`${reason}: ${cure}`, challenge);
}

function tooMany(retryAfterSeconds: number): OllaError {
  return new OllaError("rate_limited", "Too many wrong admin keys from this address", { retryAfterSeconds });
}
