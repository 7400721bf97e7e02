import type { ErrorCode } from "../errors.ts";

export interface SecurityTotals {
  readonly rateLimitViolations: number;
  readonly sizeLimitViolations: number;
  /** Different client addresses that were limited within the last hour. */
  readonly limitedAddresses: number;
}

const addressLifetimeMs = 60 * 60_000;
const sweepIntervalMs = 5 * 60_000;
const maxAddresses = 10_000;

/** Counts what was refused because a limit was reached, and from how many addresses. */
export class SecurityCounts {
  /** When each was limited last, in monotonic milliseconds. */
  readonly #addresses = new Map<string, number>();
  #rateLimitViolations = 0;
  #sizeLimitViolations = 0;
  #nextSweepAt = 0;

  add(code: ErrorCode, clientAddress: string, now: number): void {
    if (code === "body_too_large" || code === "headers_too_large") this.#sizeLimitViolations += 1;
    if (code !== "rate_limited") return;
    this.#rateLimitViolations += 1;
    this.#sweep(now);
    if (this.#addresses.size >= maxAddresses && !this.#addresses.has(clientAddress)) return;
    this.#addresses.set(clientAddress, now);
  }

  totals(now: number): SecurityTotals {
    this.#sweep(now);
    return {
      rateLimitViolations: this.#rateLimitViolations,
      sizeLimitViolations: this.#sizeLimitViolations,
      limitedAddresses: this.#addresses.size,
    };
  }

  #sweep(now: number): void {
    if (now < this.#nextSweepAt) return;
    this.#nextSweepAt = now + sweepIntervalMs;
    for (const [address, seenAt] of this.#addresses) {
      if (now - seenAt > addressLifetimeMs) this.#addresses.delete(address);
    }
  }
}
