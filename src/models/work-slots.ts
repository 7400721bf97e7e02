import type { Clock } from "../lib/clock.ts";

/**
 * At most `size` pieces of work at once, first come first served. A piece that takes longer than `patienceMs` no
 * longer counts: whoever hangs must not keep the others waiting.
 */
export class WorkSlots {
  readonly #size: number;
  readonly #patienceMs: number;
  readonly #clock: Clock;
  readonly #waiting: (() => void)[] = [];
  #taken = 0;

  constructor(size: number, patienceMs: number, clock: Clock) {
    this.#size = Math.max(1, size);
    this.#patienceMs = patienceMs;
    this.#clock = clock;
  }

  async run<Result>(work: () => Promise<Result>): Promise<Result> {
    await this.#take();
    let isHeld = true;
    const release = () => {
      if (!isHeld) return;
      isHeld = false;
      this.#free();
    };
    const cancelTimer = this.#clock.after(this.#patienceMs, release);
    try {
      return await work();
    } finally {
      cancelTimer();
      release();
    }
  }

  #take(): Promise<void> | undefined {
    if (this.#taken < this.#size) {
      this.#taken += 1;
      return undefined;
    }
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Hands the slot on to whoever waits longest. */
  #free(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#taken -= 1;
    else next();
  }
}
