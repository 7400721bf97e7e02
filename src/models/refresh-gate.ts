import { OllaError } from "../errors.ts";
import type { Clock } from "../lib/clock.ts";

export interface RefreshGateOptions {
  readonly clock: Clock;
  /** Milliseconds that a run is waited for, counted from its beginning. */
  readonly timeoutMs: number;
  /** Asks every endpoint; resolves when all have answered or failed. Never rejects. */
  readonly refreshAll: () => Promise<void>;
  /** Milliseconds since the epoch of the newest list, or undefined while there is none. */
  readonly newestListAt: () => number | undefined;
}

/** `failed`: not one endpoint gave its list in time, or some are still being asked. */
export type RefreshResult = "done" | "failed";

interface Run {
  readonly startedAt: number;
  readonly result: Promise<RefreshResult>;
}

/** Nobody's list changes as fast as a client can ask for a model that is not there. */
const restMs = 5_000;

/** Lets requests have the lists read for them: one run for all who ask at once, and none again for 5 s. */
export class RefreshGate {
  readonly #options: RefreshGateOptions;
  #latest: Run | undefined;

  constructor(options: RefreshGateOptions) {
    this.#options = options;
  }

  /**
   * What came of the run under way, of the latest if it began within 5 s, else of a new one.
   * @throws OllaError `client_abort` at once when the client leaves; the run goes on
   */
  async refresh(clientSignal: AbortSignal): Promise<RefreshResult> {
    if (clientSignal.aborted) throw clientLeft();
    const now = this.#options.clock.now();
    if (this.#latest === undefined || now - this.#latest.startedAt >= restMs) {
      this.#latest = { startedAt: now, result: this.#run() };
    }
    return await untilAborted(this.#latest.result, clientSignal);
  }

  async #run(): Promise<RefreshResult> {
    const { clock, timeoutMs, refreshAll, newestListAt } = this.#options;
    const beganAt = clock.wallTime();
    const asked = refreshAll().then((): RefreshResult => {
      return (newestListAt() ?? Number.NEGATIVE_INFINITY) >= beganAt ? "done" : "failed";
    });
    const late = Promise.withResolvers<RefreshResult>();
    const cancelTimeout = clock.after(timeoutMs, () => late.resolve("failed"));
    try {
      return await Promise.race([asked, late.promise]);
    } finally {
      cancelTimeout();
    }
  }
}

async function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const left = Promise.withResolvers<never>();
  const onAbort = () => left.reject(clientLeft());
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([promise, left.promise]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

function clientLeft(): OllaError {
  return new OllaError("client_abort", "The client closed its connection while the endpoints were asked");
}
