import type { Clock } from "../lib/clock.ts";

export interface EmptyListOptions {
  /** How often every list is read anyway. */
  readonly intervalMs: number;
  readonly clock: Clock;
  /** Called when the list is worth another look. */
  readonly onDue: () => void;
}

const firstDelayMs = 10_000;

/**
 * The list of one endpoint while it is empty. Somebody is about to pull the first model, or the backend has not read its
 * models yet: nobody should wait for the next interval. Looks become rarer until they are as rare as the interval.
 */
export class EmptyList {
  readonly #options: EmptyListOptions;
  #delayMs = firstDelayMs;
  #cancelTimer: (() => void) | undefined;

  constructor(options: EmptyListOptions) {
    this.#options = options;
  }

  /** Call it for every list that was read. */
  note(isEmpty: boolean): void {
    this.clear();
    if (!isEmpty) {
      this.#delayMs = firstDelayMs;
      return;
    }
    const { clock, intervalMs, onDue } = this.#options;
    if (this.#delayMs >= intervalMs) return;
    this.#cancelTimer = clock.after(this.#delayMs, onDue);
    this.#delayMs *= 2;
  }

  /** No call comes. */
  clear(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }
}
