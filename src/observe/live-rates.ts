import type { Clock } from "../lib/clock.ts";
import type { LiveRequest } from "./live-requests.ts";
import type { Outcome } from "./outcome.ts";
import { ttftOf } from "./request-row.ts";

/** What happened in each second, the oldest first; as long as there are seconds. */
export interface RateHistory {
  /** Number of the first second. Only differences mean something: they put two answers together. */
  readonly first: number;
  /** Milliseconds since the epoch at which the first second began. */
  readonly from: number;
  readonly requests: readonly number[];
  readonly errors: readonly number[];
  readonly input_tokens: readonly number[];
  readonly output_tokens: readonly number[];
  /** Sum over the streams that ended in that second, in milliseconds; divide by the count. */
  readonly ttft_sum_ms: readonly number[];
  readonly ttft_count: readonly number[];
  /** Requests under way when the second ended. */
  readonly in_flight: readonly number[];
}

/** Minutes enough to see what led to now, in 17 KiB whatever happens. */
export const historySeconds = 300;

const noTraffic: ReadonlySet<string> = new Set(["internal", "ui", "models", "other"]);

/** Whether a request is traffic: something that an endpoint was asked for, or would have been. */
export function isTraffic({ route, attempts }: Pick<Outcome, "route" | "attempts">): boolean {
  return route === undefined ? attempts.length > 0 : !noTraffic.has(route);
}

/** Whether somebody was told, or saw, that it did not work. A client that left is no error. */
export function isError({ status, ending }: Pick<Outcome, "status" | "ending">): boolean {
  if (ending === "client-abort" || ending === "cancelled") return false;
  return status >= 400 || ending !== "complete";
}

/**
 * Counts per second of the last minutes. Requests count in the second in which they end. Nothing runs in the
 * background: seconds are turned over by whoever comes next.
 */
export class LiveRates {
  readonly #clock: Clock;
  readonly #requests = new Float64Array(historySeconds);
  readonly #errors = new Float64Array(historySeconds);
  readonly #inputTokens = new Float64Array(historySeconds);
  readonly #outputTokens = new Float64Array(historySeconds);
  readonly #ttftSum = new Float64Array(historySeconds);
  readonly #ttftCount = new Float64Array(historySeconds);
  readonly #inFlight = new Float64Array(historySeconds);
  readonly #columns: readonly Float64Array[];
  readonly #firstSecond: number;
  /** The second under way, counted on the monotonic clock. */
  #second: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#second = Math.floor(clock.now() / 1000);
    this.#firstSecond = this.#second;
    this.#columns = [
      this.#requests,
      this.#errors,
      this.#inputTokens,
      this.#outputTokens,
      this.#ttftSum,
      this.#ttftCount,
      this.#inFlight,
    ];
  }

  record(outcome: Outcome): void {
    if (!isTraffic(outcome)) return;
    const now = this.#clock.now();
    this.#turnTo(Math.floor(now / 1000));
    const at = slotOf(this.#second);
    add(this.#requests, at, 1);
    if (isError(outcome)) add(this.#errors, at, 1);
    if (outcome.usage !== undefined) {
      add(this.#inputTokens, at, outcome.usage.input_tokens ?? 0);
      add(this.#outputTokens, at, outcome.usage.output_tokens ?? 0);
    }
    const ttftMs = ttftOf(outcome);
    if (ttftMs !== undefined) {
      add(this.#ttftSum, at, ttftMs);
      add(this.#ttftCount, at, 1);
    }
    this.#markUnderWay(this.#inFlight, now - outcome.durationMs, this.#second);
  }

  /**
   * The last `seconds` whole ones; fewer after a start. @param underWay what has not ended yet
   */
  history(seconds: number, underWay: Iterable<LiveRequest> = []): RateHistory {
    const now = this.#clock.now();
    this.#turnTo(Math.floor(now / 1000));
    const inFlight = this.#inFlight.slice();
    for (const { receivedAt } of underWay) this.#markUnderWay(inFlight, receivedAt, this.#second);
    const count = Math.min(seconds, historySeconds - 1, this.#second - this.#firstSecond);
    const first = this.#second - count;
    const read = (column: Float64Array) =>
      Array.from({ length: count }, (_, index) => Math.round(column[slotOf(first + index)] ?? 0));
    return {
      first,
      from: Math.round(this.#clock.wallTime() - now + first * 1000),
      requests: read(this.#requests),
      errors: read(this.#errors),
      input_tokens: read(this.#inputTokens),
      output_tokens: read(this.#outputTokens),
      ttft_sum_ms: read(this.#ttftSum),
      ttft_count: read(this.#ttftCount),
      in_flight: read(inFlight),
    };
  }

  /** Adds a request to each second at whose end it was there, the one given not included. */
  #markUnderWay(column: Float64Array, startedAt: number, endSecond: number): void {
    const first = Math.max(Math.floor(startedAt / 1000), endSecond - historySeconds + 1);
    for (let second = first; second < endSecond; second += 1) add(column, slotOf(second), 1);
  }

  #turnTo(second: number): void {
    if (second <= this.#second) return;
    const passed = Math.min(second - this.#second, historySeconds);
    for (let step = 0; step < passed; step += 1) {
      const at = slotOf(second - step);
      for (const column of this.#columns) column[at] = 0;
    }
    this.#second = second;
  }
}

function slotOf(second: number): number {
  return ((second % historySeconds) + historySeconds) % historySeconds;
}

function add(column: Float64Array, at: number, amount: number): void {
  column[at] = (column[at] ?? 0) + amount;
}
