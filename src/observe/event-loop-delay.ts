import type { Clock } from "../lib/clock.ts";
import { Histogram, type HistogramView } from "./histogram.ts";
import { eventLoopLayout } from "./histogram-layouts.ts";

const intervalMs = 500;
/** Twice the longest interval at which anybody scrapes. */
const interestMs = 5 * 60_000;

/**
 * How much later than due timers are called: what a request waits when the process is busy. Measured twice a second
 * while somebody asks for it, so that an idle process sleeps. (The runtime's own monitor wakes it a hundred times.)
 */
export class EventLoopDelay {
  readonly #clock: Clock;
  readonly #times = new Histogram(eventLoopLayout);
  #askedAt = 0;
  #cancel: (() => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** What was measured until now, and goes on to be. Empty for the first who asks in a while. */
  read(): HistogramView {
    this.#askedAt = this.#clock.now();
    if (this.#cancel === undefined) this.#wait();
    return this.#times;
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #wait(): void {
    const dueAt = this.#clock.now() + intervalMs;
    this.#cancel = this.#clock.after(intervalMs, () => {
      const now = this.#clock.now();
      this.#times.observe(now - dueAt);
      this.#cancel = undefined;
      if (now - this.#askedAt < interestMs) this.#wait();
    });
  }
}
