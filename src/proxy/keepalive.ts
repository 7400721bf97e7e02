import type { Clock } from "../lib/clock.ts";
import { streamFramingOf } from "./stream-kind.ts";

/**
 * What to write into a silent stream so that nobody on the way takes it for dead. Undefined where nothing can be
 * written that a client would not take for a part of the answer.
 *
 * @param dialect the one the client speaks; what a `Dialect` of `translate` is, which this layer can't see
 */
export function keepaliveBytes(
  dialect: "openai" | "anthropic" | "ollama",
  contentType: string | null,
): Uint8Array<ArrayBuffer> | undefined {
  if (streamFramingOf(contentType) !== "sse") return undefined;
  return encoder.encode(
    dialect === "anthropic" ? 'event: ping\ndata: {"type": "ping"}\n\n' : ": keep-alive\n\n",
  );
}

const encoder = new TextEncoder();

export interface KeepaliveOptions {
  readonly clock: Clock;
  /** The silence after which something is written, and again after each further one; more than 0. */
  readonly intervalMs: number;
  /** Asked when the silence is over; inside an event nothing is written, and the silence begins again. */
  readonly isAtEventBoundary: () => boolean;
  /** Writes the keep-alive. */
  readonly onDue: () => void;
}

/** Times the silence of one stream. Only the waiting for the endpoint counts: a client that does not read is not silent. */
export interface Keepalive {
  /** A read from the endpoint begins, or the waiting for its first byte. */
  startWaiting(now?: number): void;
  /** Something came. */
  endWaiting(): void;
  /** For good. May be called twice. */
  stop(): void;
}

/** One timer for the whole stream: when it fires it looks how long the wait has really been, and sleeps on for the rest. */
export function createKeepalive(options: KeepaliveOptions): Keepalive {
  const { clock, intervalMs } = options;
  let waitingSince: number | undefined;
  let hasStopped = false;
  let cancelTimer: (() => void) | undefined;

  const arm = (afterMs: number) => {
    cancelTimer = clock.after(afterMs, check);
  };
  const check = () => {
    cancelTimer = undefined;
    // Sleeps until the next wait begins; nothing is owed to a stream that nobody reads.
    if (hasStopped || waitingSince === undefined) return;
    const restMs = waitingSince + intervalMs - clock.now();
    if (restMs > 0) {
      arm(restMs);
      return;
    }
    arm(intervalMs);
    if (options.isAtEventBoundary()) options.onDue();
  };
  return {
    startWaiting(now = clock.now()) {
      if (hasStopped) return;
      waitingSince = now;
      if (cancelTimer === undefined) arm(intervalMs);
    },
    endWaiting() {
      waitingSince = undefined;
    },
    stop() {
      hasStopped = true;
      cancelTimer?.();
      cancelTimer = undefined;
    },
  };
}
