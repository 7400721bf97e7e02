import { Deadlines } from "./deadlines.ts";

/** Time as a dependency, so that every timer and every age can be tested without waiting. */
export interface Clock {
  /** Monotonic milliseconds. Only differences mean something. */
  now(): number;
  /** Milliseconds since the Unix epoch, for what is shown to people and written to logs. */
  wallTime(): number;
  /** Calls `callback` once, `delayMs` from now. The returned function cancels it and may be called twice. */
  after(delayMs: number, callback: () => void): () => void;
  /** The same, for a limit on what is mostly over within milliseconds: setting and lifting one costs next to nothing. */
  deadline(delayMs: number, callback: () => void): () => void;
}

const deadlines = new Deadlines();

export const systemClock: Clock = {
  now: () => performance.now(),
  wallTime: () => Date.now(),
  after(delayMs, callback) {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
  deadline: (delayMs, callback) => deadlines.add(delayMs, callback),
};
