import type { Clock } from "../lib/clock.ts";

export interface SilenceLimits {
  readonly clock: Clock;
  /** For the first read, in milliseconds; 0 = any. */
  readonly firstByteMs: number;
  /** For every further one. */
  readonly silenceMs: number;
}

export interface SilenceWatch {
  /** @param now monotonic milliseconds, for whoever knows it already */
  startRead(now?: number): void;
  endRead(): void;
  stop(): void;
}

/**
 * One timer for a whole stream instead of one for each piece: when it fires it looks how long the read under way has
 * really waited, and sleeps on for the rest. A client that takes its time is not the endpoint's silence.
 */
export function watchSilence(limits: SilenceLimits, onSilence: () => void): SilenceWatch {
  const { clock } = limits;
  let limitMs = limits.firstByteMs;
  let readStartedAt = -1;
  let cancelTimer: (() => void) | undefined;

  const arm = (afterMs: number) => {
    cancelTimer = clock.after(afterMs, check);
  };
  const check = () => {
    if (limitMs <= 0) return;
    const waitedMs = readStartedAt < 0 ? 0 : clock.now() - readStartedAt;
    if (waitedMs >= limitMs) onSilence();
    else arm(limitMs - waitedMs);
  };
  return {
    startRead(now = clock.now()) {
      readStartedAt = now;
      if (cancelTimer === undefined && limitMs > 0) arm(limitMs);
    },
    endRead() {
      readStartedAt = -1;
      if (limitMs !== limits.silenceMs) {
        limitMs = limits.silenceMs;
        cancelTimer?.();
        cancelTimer = undefined;
      }
    },
    stop() {
      cancelTimer?.();
      cancelTimer = undefined;
    },
  };
}
