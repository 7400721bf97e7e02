import type { Candidate } from "../balancer/balancer.ts";
import type { ConnectionCounts } from "../balancer/connections.ts";
import { OllaError } from "../errors.ts";
import type { Clock } from "../lib/clock.ts";
import { WaitingLines } from "./queue.ts";

export interface AdmissionSettings {
  /** Most requests under way at an endpoint; 0 is no limit. Asked anew each time, so that it may change. */
  readonly limitOf: (endpointName: string) => number;
  /** Most requests that wait for one endpoint; with 0 nobody waits. */
  readonly queueMax: number;
  /** Longest wait; 0 is as long as the client stays. */
  readonly queueTimeoutMs: number;
  readonly clock: Clock;
  readonly connections: ConnectionCounts;
}

/** A place at an endpoint that was waited for. It is taken already: `enter` must not be called for it. */
export interface Admitted {
  readonly endpointName: string;
  readonly waitedMs: number;
  /** Those who stood before this request when it came, in the shortest of its lines. */
  readonly aheadOnArrival: number;
  /** Gives the place back. To be called once the request is over, whatever became of it; may be called twice. */
  readonly release: () => void;
}

/** What became of those who had to wait, since the start. */
export interface WaitTotals {
  readonly admitted: number;
  readonly timedOut: number;
  readonly abandoned: number;
  /** Found every line full. */
  readonly refused: number;
  /** Of those admitted, together and the longest. */
  readonly waitedMs: number;
  readonly longestMs: number;
}

interface Waiter {
  /** The place is taken when this is called. */
  readonly admit: (endpointName: string, release: () => void) => void;
  readonly fail: (error: OllaError) => void;
}

interface Arrival {
  readonly endpointNames: readonly string[];
  readonly laterNames: readonly string[];
  readonly arrivedAt: number;
  readonly aheadOnArrival: number;
}

/** What half is taken of where requests may wait for ever. */
const defaultQueueTimeoutMs = 30_000;
/** Weight of the newest sample in the mean time that a place is held. */
const newestShare = 0.2;
const longestRetryAfterSeconds = 600;

/**
 * Who may be sent to now, and the order of those who may not yet. A place that becomes free goes straight to whoever has
 * waited longest for it, so it is never free while somebody waits for it and no newcomer can overtake.
 */
export class Admission {
  readonly #settings: AdmissionSettings;
  readonly #lines = new WaitingLines<Waiter>();
  readonly #meanHoldMs = new Map<string, number>();
  readonly #totals = { admitted: 0, timedOut: 0, abandoned: 0, refused: 0, waitedMs: 0, longestMs: 0 };

  constructor(settings: AdmissionSettings) {
    this.#settings = settings;
  }

  /** Those whose endpoint has a place free right now. The very same list when that is all of them. */
  free(candidates: readonly Candidate[]): readonly Candidate[] {
    for (const { endpoint } of candidates) {
      if (!this.#isFree(endpoint.name)) {
        return candidates.filter((candidate) => this.#isFree(candidate.endpoint.name));
      }
    }
    return candidates;
  }

  /**
   * Takes a place at the endpoint, which must be one that `free` has just let through. Not for a place that `wait` gave.
   * @returns what gives the place back; further calls of it do nothing
   */
  enter(endpointName: string): () => void {
    const { clock, connections } = this.#settings;
    const enteredAt = clock.now();
    const uncount = connections.acquire(endpointName);
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      uncount();
      this.#noteHold(endpointName, clock.now() - enteredAt);
      this.#admitWaiting(endpointName);
    };
  }

  /**
   * Waits for the first place that becomes free at any of these endpoints, behind everybody who came before.
   * Whoever gets one must release it, also when the client has left in the meantime.
   * @param laterNames where to wait too once half of the longest wait is over, or at once where the lines are full
   * @throws OllaError `queue_full` · `queue_timeout` · `client_abort` at once when the client leaves ·
   *   `no_healthy_endpoints` when every endpoint waited for was removed
   */
  async wait(
    endpointNames: readonly string[],
    clientSignal: AbortSignal,
    laterNames: readonly string[] = [],
  ): Promise<Admitted> {
    if (endpointNames.length === 0) throw new RangeError("There is no endpoint to wait for");
    if (clientSignal.aborted) throw leftTheQueue();
    const arrivedAt = this.#settings.clock.now();
    for (const endpointName of endpointNames) {
      // A limit that was raised leaves places that no release has handed on.
      this.#admitWaiting(endpointName);
      if (!this.#isFree(endpointName)) continue;
      return { endpointName, waitedMs: 0, aheadOnArrival: 0, release: this.enter(endpointName) };
    }
    const depths = endpointNames.map((name) => this.#lines.depth(name));
    const aheadOnArrival = Math.min(...depths);
    // One line with room is enough to wait in all of them: in fewer, later comers would overtake.
    if (aheadOnArrival >= this.#settings.queueMax) {
      if (laterNames.length > 0) return await this.wait([...endpointNames, ...laterNames], clientSignal);
      this.#totals.refused += 1;
      throw this.#refusal(
        "queue_full",
        "Every endpoint for this request is busy and its queue is full",
        endpointNames,
      );
    }
    return await this.#standInLine({ endpointNames, laterNames, arrivedAt, aheadOnArrival }, clientSignal);
  }

  /** How many requests wait for this endpoint; some may wait for others too. */
  queueDepth(endpointName: string): number {
    return this.#lines.depth(endpointName);
  }

  /** How many requests wait, each counted once. */
  waiting(): number {
    return this.#lines.size();
  }

  waitTotals(): WaitTotals {
    return { ...this.#totals };
  }

  /**
   * To be called when endpoints or their limits have changed. Those who waited for a removed one go on waiting for the
   * others, or fail when there is none; places that a raised limit has opened are handed out.
   */
  retainEndpoints(endpointNames: Iterable<string>): void {
    const kept = new Set(endpointNames);
    for (const name of this.#meanHoldMs.keys()) if (!kept.has(name)) this.#meanHoldMs.delete(name);
    for (const waiter of this.#lines.retain(kept)) {
      waiter.fail(
        new OllaError("no_healthy_endpoints", "The endpoint that this request waited for was removed"),
      );
    }
    for (const name of this.#lines.names()) this.#admitWaiting(name);
  }

  #isFree(endpointName: string): boolean {
    const limit = this.#settings.limitOf(endpointName);
    return limit <= 0 || this.#settings.connections.of(endpointName) < limit;
  }

  #admitWaiting(endpointName: string): void {
    if (this.#lines.size() === 0) return;
    while (this.#isFree(endpointName)) {
      const waiter = this.#lines.first(endpointName);
      if (waiter === undefined) return;
      this.#lines.leave(waiter);
      waiter.admit(endpointName, this.enter(endpointName));
    }
  }

  #standInLine(arrival: Arrival, clientSignal: AbortSignal): Promise<Admitted> {
    const { clock, queueTimeoutMs } = this.#settings;
    const { endpointNames, laterNames, arrivedAt, aheadOnArrival } = arrival;
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        this.#totals.abandoned += 1;
        waiter.fail(leftTheQueue());
      };
      const onTimeout = () => {
        this.#totals.timedOut += 1;
        waiter.fail(this.#refusal("queue_timeout", "No endpoint became free in time", endpointNames));
      };
      const cancelTimeout = queueTimeoutMs > 0 ? clock.after(queueTimeoutMs, onTimeout) : undefined;
      const standInOthersToo = () => {
        this.#lines.join(waiter, laterNames);
        for (const name of laterNames) this.#admitWaiting(name);
      };
      const laterMs = (queueTimeoutMs > 0 ? queueTimeoutMs : defaultQueueTimeoutMs) / 2;
      const cancelLater = laterNames.length > 0 ? clock.after(laterMs, standInOthersToo) : undefined;
      const standDown = () => {
        this.#lines.leave(waiter);
        cancelTimeout?.();
        cancelLater?.();
        clientSignal.removeEventListener("abort", onAbort);
      };
      const waiter: Waiter = {
        admit: (endpointName, release) => {
          standDown();
          const waitedMs = clock.now() - arrivedAt;
          this.#noteWait(waitedMs);
          resolve({ endpointName, waitedMs, aheadOnArrival, release });
        },
        fail: (error) => {
          standDown();
          reject(error);
        },
      };
      clientSignal.addEventListener("abort", onAbort, { once: true });
      this.#lines.join(waiter, endpointNames);
    });
  }

  #noteWait(waitedMs: number): void {
    this.#totals.admitted += 1;
    this.#totals.waitedMs += waitedMs;
    this.#totals.longestMs = Math.max(this.#totals.longestMs, waitedMs);
  }

  #noteHold(endpointName: string, heldMs: number): void {
    if (this.#settings.limitOf(endpointName) <= 0) return;
    const mean = this.#meanHoldMs.get(endpointName) ?? heldMs;
    this.#meanHoldMs.set(endpointName, mean + newestShare * (heldMs - mean));
  }

  /** With the time in which the shortest of these lines will be worked off, as far as recent requests tell. */
  #refusal(
    code: "queue_full" | "queue_timeout",
    message: string,
    endpointNames: readonly string[],
  ): OllaError {
    let shortestMs = Number.POSITIVE_INFINITY;
    for (const name of endpointNames) {
      const places = Math.max(1, this.#settings.limitOf(name));
      const rounds = (this.#lines.depth(name) + 1) / places;
      shortestMs = Math.min(shortestMs, rounds * (this.#meanHoldMs.get(name) ?? 0));
    }
    const seconds = Math.min(longestRetryAfterSeconds, Math.max(1, Math.ceil(shortestMs / 1000)));
    return new OllaError(code, message, { retryAfterSeconds: seconds });
  }
}

function leftTheQueue(): OllaError {
  return new OllaError("client_abort", "The client closed its connection while it waited for an endpoint");
}
