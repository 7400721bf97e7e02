import type { Clock } from "../../src/lib/clock.ts";

export interface FakeClock extends Clock {
  /** Moves both clocks forward and calls everything that falls due, in order of its time, then of its making. */
  advance(ms: number): void;
  /** Like `advance`, and lets promises settle before the first timer, between timers and at the end. */
  advanceAsync(ms: number): Promise<void>;
  /** Lets promises settle without moving time. */
  settle(): Promise<void>;
  /** Milliseconds until the next timer, or undefined when none waits. */
  nextDelay(): number | undefined;
  pendingTimers(): number;
}

interface Timer {
  readonly dueAt: number;
  readonly order: number;
  readonly callback: () => void;
}

/** A clock that only moves when told. Monotonic time starts at 0, wall time at a fixed date. */
export function createFakeClock(startWallTime = Date.UTC(2026, 0, 1)): FakeClock {
  let now = 0;
  let order = 0;
  const timers = new Set<Timer>();

  function earliest(limit: number): Timer | undefined {
    let found: Timer | undefined;
    for (const timer of timers) {
      if (timer.dueAt > limit) continue;
      if (found === undefined || timer.dueAt < found.dueAt) found = timer;
      else if (timer.dueAt === found.dueAt && timer.order < found.order) found = timer;
    }
    return found;
  }

  function fire(timer: Timer): void {
    timers.delete(timer);
    now = Math.max(now, timer.dueAt);
    timer.callback();
  }

  async function settle(): Promise<void> {
    for (let turn = 0; turn < 50; turn += 1) await Promise.resolve();
  }

  function after(delayMs: number, callback: () => void): () => void {
    const timer: Timer = { dueAt: now + Math.max(0, delayMs), order: order++, callback };
    timers.add(timer);
    return () => timers.delete(timer);
  }

  return {
    now: () => now,
    wallTime: () => startWallTime + now,
    after,
    deadline: after,
    advance(ms) {
      const target = now + ms;
      for (let timer = earliest(target); timer; timer = earliest(target)) fire(timer);
      now = target;
    },
    async advanceAsync(ms) {
      const target = now + ms;
      await settle();
      for (let timer = earliest(target); timer; timer = earliest(target)) {
        fire(timer);
        await settle();
      }
      now = target;
      await settle();
    },
    settle,
    nextDelay() {
      const timer = earliest(Number.POSITIVE_INFINITY);
      return timer === undefined ? undefined : Math.max(0, timer.dueAt - now);
    },
    pendingTimers: () => timers.size,
  };
}
