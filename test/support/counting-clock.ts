import { type Clock, systemClock } from "../../src/lib/clock.ts";

/** The real clock, and how many of its timers wait. */
export function countingClock(): Clock & { readonly pending: number } {
  const timers = new Set<() => void>();
  const counted = (set: Clock["after"]) => (delayMs: number, callback: () => void) => {
    const cancel = set(delayMs, () => {
      timers.delete(cancel);
      callback();
    });
    timers.add(cancel);
    return () => {
      timers.delete(cancel);
      cancel();
    };
  };
  return {
    now: systemClock.now,
    wallTime: systemClock.wallTime,
    after: counted(systemClock.after),
    deadline: counted(systemClock.deadline),
    get pending() {
      return timers.size;
    },
  };
}
