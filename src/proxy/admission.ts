import type { Candidate } from "../balancer/balancer.ts";
import type { ConnectionCounts } from "../balancer/connections.ts";
import { OllaError } from "../errors.ts";
import type { Clock } from "../lib/clock.ts";
import type { Sender } from "./fair-line.ts";
import { WaitingLines } from "./queue.ts";

/** Read at each use, so that they may change. */
export interface AdmissionSettings {
  /** Most requests under way at an endpoint; 0 is no limit. */
  readonly limitOf: (endpointName: string) => number;
  /** The lowest limit of any endpoint that has one; Infinity when none has. */
  readonly lowestLimit: () => number;
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
  /** Those who stood in the shortest of its lines when this request came. */
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

/** Every endpoint that a request waited for was removed or is being drained. It was sent to none of them. */
export class PlaceGone extends OllaError {
  constructor() {
    super(
      "no_healthy_endpoints",
      "The endpoint that this request waited for was removed or is being drained",
    );
  }
}

/** Who waits, and where besides. */
export interface WaitOptions {
  readonly sender?: Sender;
  /** Where to wait too once half of the longest wait is over, or at once where the lines are full. */
  readonly laterNames?: readonly string[];
  /** Where to wait too after a time, or at once where the lines are full. */
  readonly overflow?: { readonly names: readonly string[]; readonly afterMs: number } | undefined;
}

interface Waiter {
  readonly sender: Sender;
  /** The place is taken when this is called. */
  readonly admit: (endpointName: string, release: () => void) => void;
  readonly fail: (error: OllaError) => void;
}

interface Arrival {
  readonly endpointNames: readonly string[];
  readonly options: WaitOptions;
  readonly arrivedAt: number;
  readonly aheadOnArrival: number;
}

/** What half is taken of where requests may wait for ever. */
const defaultQueueTimeoutMs = 30_000;
/** Weight of the newest sample in the mean time that a place is held. */
const newestShare = 0.2;
const longestRetryAfterSeconds = 600;
const nobody: Sender = { client: "", priority: 0 };

/**
 * Who may be sent to now, and the order of those who may not yet. A place that becomes free goes straight to whoever's
 * turn it is, so it is never free while somebody waits for it.
 */
export class Admission {
  readonly #settings: AdmissionSettings;
  readonly #lines = new WaitingLines<Waiter>();
  readonly #meanHoldMs = new Map<string, number>();
  /** Places held at endpoints with a limit, by endpoint and client. */
  readonly #held = new Map<string, Map<string, number>>();
  readonly #totals = { admitted: 0, timedOut: 0, abandoned: 0, refused: 0, waitedMs: 0, longestMs: 0 };

  constructor(settings: AdmissionSettings) {
    this.#settings = settings;
  }

  /** Those whose endpoint has a place free right now. The very same list when that is all of them. */
  free(candidates: readonly Candidate[]): readonly Candidate[] {
    const { connections, lowestLimit } = this.#settings;
    if (connections.highest() < lowestLimit()) return candidates;
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
  enter(endpointName: string, sender: Sender = nobody): () => void {
    const { clock, connections, limitOf } = this.#settings;
    const enteredAt = clock.now();
    const uncount = connections.acquire(endpointName);
    // Nobody will ever wait where there is no limit.
    const giveUpShare = limitOf(endpointName) > 0 ? this.#takeShare(endpointName, sender.client) : undefined;
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      uncount();
      giveUpShare?.();
      this.#noteHold(endpointName, clock.now() - enteredAt);
      this.#admitWaiting(endpointName);
    };
  }

  /**
   * Waits for a place at any of these endpoints until it is the sender's turn at one of them.
   * Whoever gets one must release it, also when the client has left in the meantime.
   * @throws OllaError `queue_full` · `queue_timeout` · `client_abort` at once when the client leaves ·
   *   `PlaceGone` when every endpoint waited for was removed
   */
  async wait(
    endpointNames: readonly string[],
    clientSignal: AbortSignal,
    options: WaitOptions = {},
  ): Promise<Admitted> {
    if (endpointNames.length === 0) throw new RangeError("There is no endpoint to wait for");
    if (clientSignal.aborted) throw leftTheQueue();
    const { sender = nobody } = options;
    const arrivedAt = this.#settings.clock.now();
    for (const endpointName of endpointNames) {
      // A limit that was raised leaves places that no release has handed on.
      this.#admitWaiting(endpointName);
      if (!this.#isFree(endpointName)) continue;
      return { endpointName, waitedMs: 0, aheadOnArrival: 0, release: this.enter(endpointName, sender) };
    }
    const aheadOnArrival = Math.min(...endpointNames.map((name) => this.#lines.depth(name)));
    // One line with room is enough to wait in all of them: in fewer, later comers would overtake.
    if (aheadOnArrival >= this.#settings.queueMax) {
      const { laterNames = [], overflow } = options;
      if (laterNames.length > 0) {
        const wider = [...endpointNames, ...laterNames];
        return await this.wait(wider, clientSignal, { ...options, laterNames: [] });
      }
      if (overflow !== undefined) {
        const wider = [...endpointNames, ...overflow.names];
        return await this.wait(wider, clientSignal, { ...options, overflow: undefined });
      }
      this.#makeRoom(endpointNames, sender);
    }
    return await this.#standInLine({ endpointNames, options, arrivedAt, aheadOnArrival }, clientSignal);
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
   * To be called when endpoints or their limits have changed, with the names that requests may wait for. Those who waited
   * for another one go on waiting for the rest, or fail when there is none; places that a raised limit has opened are
   * handed out.
   */
  retainEndpoints(endpointNames: Iterable<string>): void {
    const kept = new Set(endpointNames);
    for (const name of this.#meanHoldMs.keys()) if (!kept.has(name)) this.#meanHoldMs.delete(name);
    for (const waiter of this.#lines.retain(kept)) {
      waiter.fail(new PlaceGone());
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
      const waiter = this.#lines.take(endpointName, {
        now: this.#settings.clock.now(),
        overdueMs: this.#longWaitMs / 2,
        heldBy: (client) => this.#held.get(endpointName)?.get(client) ?? 0,
      });
      if (waiter === undefined) return;
      waiter.admit(endpointName, this.enter(endpointName, waiter.sender));
    }
  }

  get #longWaitMs(): number {
    const { queueTimeoutMs } = this.#settings;
    return queueTimeoutMs > 0 ? queueTimeoutMs : defaultQueueTimeoutMs;
  }

  /** @returns what gives it up */
  #takeShare(endpointName: string, client: string): () => void {
    const held = this.#held.get(endpointName) ?? new Map<string, number>();
    this.#held.set(endpointName, held);
    held.set(client, (held.get(client) ?? 0) + 1);
    return () => {
      const left = (held.get(client) ?? 0) - 1;
      if (left > 0) held.set(client, left);
      else held.delete(client);
      if (held.size === 0 && this.#held.get(endpointName) === held) this.#held.delete(endpointName);
      if (this.#lines.size() > 0) this.#lines.noteReleased(endpointName, client);
    };
  }

  /** In a full line nobody may have so many requests that others cannot wait at all. @throws OllaError `queue_full` */
  #makeRoom(endpointNames: readonly string[], { client }: Sender): void {
    const { queueMax } = this.#settings;
    const shortest = endpointNames.find((name) => this.#lines.depth(name) <= queueMax);
    const excess = shortest === undefined ? undefined : this.#lines.excess(shortest, client);
    this.#totals.refused += 1;
    if (excess === undefined) {
      throw this.#refusal(
        "queue_full",
        "Every endpoint for this request is busy and its queue is full",
        endpointNames,
      );
    }
    excess.fail(
      this.#refusal(
        "queue_full",
        "The queue is full, and another client has its turn to wait",
        endpointNames,
      ),
    );
  }

  #standInLine(arrival: Arrival, clientSignal: AbortSignal): Promise<Admitted> {
    const { clock, queueTimeoutMs } = this.#settings;
    const { endpointNames, options, arrivedAt, aheadOnArrival } = arrival;
    const { sender = nobody, laterNames = [], overflow } = options;
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        this.#totals.abandoned += 1;
        waiter.fail(leftTheQueue());
      };
      const onTimeout = () => {
        this.#totals.timedOut += 1;
        waiter.fail(this.#refusal("queue_timeout", "No endpoint became free in time", endpointNames));
      };
      const standToo = (names: readonly string[]) => () => {
        this.#lines.join(waiter, names, sender, clock.now());
        for (const name of names) this.#admitWaiting(name);
      };
      const cancels: (() => void)[] = [];
      if (overflow !== undefined) cancels.push(clock.after(overflow.afterMs, standToo(overflow.names)));
      if (laterNames.length > 0) cancels.push(clock.after(this.#longWaitMs / 2, standToo(laterNames)));
      if (queueTimeoutMs > 0) cancels.push(clock.after(queueTimeoutMs, onTimeout));
      const standDown = () => {
        this.#lines.leave(waiter);
        for (const cancel of cancels) cancel();
        clientSignal.removeEventListener("abort", onAbort);
      };
      const waiter: Waiter = {
        sender,
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
      this.#lines.join(waiter, endpointNames, sender, arrivedAt);
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
