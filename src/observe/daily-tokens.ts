import type { Clock } from "../lib/clock.ts";
import type { Outcome } from "./outcome.ts";

export interface DailyTokensSettings {
  /** Tokens a day, by endpoint name; one that is not in it, or has 0, has no limit. Read at each use, so that it may change. */
  readonly limits: ReadonlyMap<string, number>;
  readonly clock: Clock;
  /** Called once a day for each endpoint that has used up its tokens. */
  readonly onSpent: (endpointName: string, limit: number) => void;
}

/**
 * Tokens that endpoints have used today: from midnight to midnight by the clock of the machine that Olla runs on. Kept
 * in memory only, so a restart begins anew. Counted when an answer has ended; what is under way is not stopped.
 */
export class DailyTokens {
  readonly #settings: DailyTokensSettings;
  readonly #used = new Map<string, number>();
  /** Milliseconds since the epoch. */
  #endsAt = 0;

  constructor(settings: DailyTokensSettings) {
    this.#settings = settings;
  }

  note(endpointName: string, tokens: number): void {
    const limit = this.limitOf(endpointName);
    if (limit === 0 || tokens <= 0) return;
    this.#turnPage();
    const before = this.#used.get(endpointName) ?? 0;
    this.#used.set(endpointName, before + tokens);
    if (before < limit && before + tokens >= limit) this.#settings.onSpent(endpointName, limit);
  }

  isSpent(endpointName: string): boolean {
    const limit = this.limitOf(endpointName);
    return limit > 0 && this.usedToday(endpointName) >= limit;
  }

  usedToday(endpointName: string): number {
    this.#turnPage();
    return this.#used.get(endpointName) ?? 0;
  }

  /** 0 is none. */
  limitOf(endpointName: string): number {
    return this.#settings.limits.get(endpointName) ?? 0;
  }

  /** Seconds until the next day begins. */
  secondsLeft(): number {
    this.#turnPage();
    return Math.ceil((this.#endsAt - this.#settings.clock.wallTime()) / 1000);
  }

  #turnPage(): void {
    const now = this.#settings.clock.wallTime();
    if (now < this.#endsAt) return;
    this.#used.clear();
    const day = new Date(now);
    this.#endsAt = new Date(day.getFullYear(), day.getMonth(), day.getDate() + 1).getTime();
  }
}

const bytesPerToken = 4;
/** Pictures and vectors have many bytes that say nothing about tokens. */
const mostGuessed = 32_768;

/** For an answer that came whole and says nothing of its tokens: a token for every four bytes of it and its question. */
export function guessTokens({ method, status, requestBytes, responseBytes }: Outcome): number {
  if (method !== "POST" || status < 200 || status > 299) return 0;
  const guess = (bytes: number) => Math.min(mostGuessed, Math.ceil(bytes / bytesPerToken));
  return guess(requestBytes) + guess(responseBytes);
}
