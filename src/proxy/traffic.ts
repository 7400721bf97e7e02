import type { Candidate, Candidates } from "../balancer/balancer.ts";
import { isSome, leaveOut, oncePerList } from "../balancer/candidate-lists.ts";
import type { RecentFailures } from "../balancer/failure-share.ts";
import type { WorthWaiting } from "../balancer/warm-first.ts";
import { OllaError } from "../errors.ts";
import type { Clock } from "../lib/clock.ts";
import type { Admission } from "./admission.ts";
import type { AttemptClient } from "./attempt.ts";
import type { AttemptFailureKind, BreakerPass } from "./breaker.ts";
import type { BreakerSet } from "./breakers.ts";
import type { CooldownAnswer, Cooldowns } from "./cooldown.ts";
import type { Sender } from "./fair-line.ts";

/** What an attempt said about its endpoint. `suspicion`: a plain 500, which only a failing probe turns into a failure. */
export type AttemptVerdict = "success" | "neutral" | "suspicion" | AttemptFailureKind;

/** A place at one endpoint, taken for one attempt. */
export interface Claim {
  readonly candidate: Candidate;
  /** Milliseconds spent waiting for the place. */
  readonly queuedMs: number;
  /** How many stood before this request when it had to wait. */
  readonly queueDepth: number;
  /** The answer has begun; its end may be far away. */
  noteAnswered(): void;
  /** Gives the place back and counts the attempt. Must be called; only the first call counts. */
  end(verdict: AttemptVerdict): void;
}

export interface TrafficParts {
  readonly clock: Clock;
  readonly admission: Admission;
  readonly cooldowns: Cooldowns;
  readonly recentFailures: RecentFailures;
  /** Undefined for an engine without breakers, or where they are switched off. */
  readonly breakers: BreakerSet | undefined;
  /** Undefined where every place is worth the same. */
  readonly worthWaiting: WorthWaiting | undefined;
  /** How long a request waits for others before it may go to a candidate that is for overflow. */
  readonly overflowAfterMs: number;
  /** A plain 500 came: somebody should look whether the endpoint is well. */
  readonly onSuspicion: (endpointName: string) => void;
  /** Names of the endpoints that an operator wants to get nothing new. */
  readonly draining: ReadonlySet<string>;
}

/** One that was taken, for the attempt to claim. */
interface Place extends Pick<Claim, "candidate" | "queuedMs" | "queueDepth"> {
  readonly release: () => void;
}

/** All that may be sent to, those that are not for overflow, and those of them worth waiting for. */
interface Choices {
  readonly open: Candidates;
  readonly own: Candidates;
  readonly worthy: Candidates;
}

type Select = (candidates: Candidates) => Candidate;

/** Who may be sent to now: breakers, times to stay away, and places, asked in this order. */
export class Traffic {
  readonly #parts: TrafficParts;

  constructor(parts: TrafficParts) {
    this.#parts = parts;
  }

  /** Those that are neither blocked, drained nor asked to be left alone; the same list when that is all of them. */
  open(candidates: readonly Candidate[]): readonly Candidate[] {
    const { breakers, cooldowns } = this.#parts;
    const ready = cooldowns.ready(this.#withoutDraining(candidates));
    return breakers?.unblocked(ready) ?? ready;
  }

  /** What keeps a candidate out of `open`; undefined when nothing does. */
  heldBackBy({ endpoint, model }: Candidate): "draining" | "circuit_open" | "cooling_down" | undefined {
    const { breakers, cooldowns, draining } = this.#parts;
    if (draining.has(endpoint.name)) return "draining";
    if (breakers?.blockOf(endpoint.name, model) !== undefined) return "circuit_open";
    return cooldowns.untilOf(endpoint.name, model) === undefined ? undefined : "cooling_down";
  }

  /** An answer that counts as a failed attempt may say when to come back. */
  noteFailedAnswer({ endpoint, model }: Candidate, answer: CooldownAnswer): void {
    this.#parts.cooldowns.note(endpoint.name, model, answer);
  }

  /** Milliseconds until the first of them may be asked; 0 when one may be now. */
  smallestWaitMs(candidates: readonly Candidate[]): number {
    const waits = candidates.map((candidate) => this.#waitOf(candidate));
    return waits.length === 0 ? 0 : Math.max(0, Math.min(...waits));
  }

  /** The error for a request none of whose candidates is open: which, why, and until when. */
  explainClosed(all: readonly Candidate[]): OllaError {
    const { breakers } = this.#parts;
    const candidates = this.#withoutDraining(all);
    if (candidates.length === 0) return allDrained(all);
    const retryAfterSeconds = Math.max(1, Math.ceil(this.smallestWaitMs(candidates) / 1000));
    const places = candidates.map((candidate) => {
      const seconds = Math.max(1, Math.ceil(this.#waitOf(candidate) / 1000));
      return `"${candidate.endpoint.name}" (${seconds} s)`;
    });
    const isBroken = candidates.some(
      ({ endpoint, model }) => breakers?.blockOf(endpoint.name, model) !== undefined,
    );
    const where = [...new Set(places)].join(", ");
    return isBroken
      ? new OllaError("circuit_open", `circuit breaker open for ${where}`, { retryAfterSeconds })
      : new OllaError("cooling_down", `asked to be left alone for a while: ${where}`, {
          retryAfterSeconds,
        });
  }

  /**
   * Takes a place for one attempt: at a candidate with one free, chosen by `select`, else the first that becomes free.
   * Undefined when the door was closed in the meantime, by a breaker or by a time to stay away: ask `open` again.
   * @throws OllaError `queue_full`, `queue_timeout`, `client_abort`, `cancelled`
   */
  claim(
    open: Candidates,
    select: Select,
    client: Pick<AttemptClient, "signal" | "cancellation">,
    sender?: Sender,
  ): Claim | undefined | Promise<Claim | undefined> {
    const { admission, worthWaiting, overflowAfterMs } = this.#parts;
    const own = overflowAfterMs > 0 ? withoutOverflow(open) : open;
    const freeNow = admission.free(own);
    // Where every place is free nobody waits, for whatever it may be worth.
    const worthy = freeNow === own ? own : (worthWaiting?.(own) ?? own);
    const free = worthy === own || isSome(admission.free(worthy)) ? freeNow : [];
    if (!isSome(free)) return this.#waitForPlace({ open, own, worthy }, select, client, sender);
    const candidate = select(free);
    const release = admission.enter(candidate.endpoint.name, sender);
    return this.#admit({ candidate, release, queuedMs: 0, queueDepth: 0 });
  }

  #admit(place: Place): Claim | undefined {
    const { breakers, cooldowns, draining } = this.#parts;
    const { candidate, release } = place;
    // Whoever waited may have been overtaken by what the endpoint said to somebody else, or by an operator.
    const isOut =
      place.queuedMs > 0 &&
      (draining.has(candidate.endpoint.name) ||
        cooldowns.untilOf(candidate.endpoint.name, candidate.model) !== undefined);
    const pass = isOut ? undefined : admitOrRelease(breakers, candidate, release);
    if (isOut || (breakers !== undefined && pass === undefined)) {
      release();
      return undefined;
    }
    return new TakenPlace(place, pass, this.#parts);
  }

  #withoutDraining(candidates: readonly Candidate[]): readonly Candidate[] {
    const { draining } = this.#parts;
    return leaveOut(candidates, draining, ({ endpoint }) => draining.has(endpoint.name));
  }

  async #waitForPlace(
    { open, own, worthy }: Choices,
    select: Select,
    client: Pick<AttemptClient, "signal" | "cancellation">,
    sender: Sender | undefined,
  ): Promise<Claim | undefined> {
    const { admission, overflowAfterMs } = this.#parts;
    const overflow = open.filter((candidate) => !own.includes(candidate));
    const admitted = await waitCancellably(client, (signal) =>
      admission.wait(namesOf(worthy), signal, {
        ...(sender && { sender }),
        laterNames: namesOf(own.filter((candidate) => !worthy.includes(candidate))),
        overflow: overflow.length > 0 ? { names: namesOf(overflow), afterMs: overflowAfterMs } : undefined,
      }),
    );
    const { endpointName, release, waitedMs: queuedMs, aheadOnArrival: queueDepth } = admitted;
    let candidate: Candidate;
    try {
      const reached = open.filter(({ endpoint }) => endpoint.name === endpointName);
      // Of several models at the endpoint those that are still open; when none is, `claim` will say so.
      const [first = open[0], ...others] = firstSome(this.open(reached), reached);
      // Where nothing is left to choose, whoever keeps account of choices has to know all the same.
      candidate = select([first, ...others]);
    } catch (fault) {
      release();
      throw fault;
    }
    return this.#admit({ candidate, release, queuedMs, queueDepth });
  }

  #waitOf({ endpoint, model }: Candidate): number {
    const { breakers, clock, cooldowns } = this.#parts;
    const until = Math.max(
      cooldowns.untilOf(endpoint.name, model) ?? 0,
      breakers?.blockOf(endpoint.name, model)?.retryAt ?? 0,
    );
    return until === 0 ? 0 : until - clock.now();
  }
}

class TakenPlace implements Claim {
  readonly #place: Place;
  readonly #pass: BreakerPass | undefined;
  readonly #parts: TrafficParts;
  #hasEnded = false;

  constructor(place: Place, pass: BreakerPass | undefined, parts: TrafficParts) {
    this.#place = place;
    this.#pass = pass;
    this.#parts = parts;
  }

  get candidate(): Candidate {
    return this.#place.candidate;
  }

  get queuedMs(): number {
    return this.#place.queuedMs;
  }

  get queueDepth(): number {
    return this.#place.queueDepth;
  }

  noteAnswered(): void {
    this.#pass?.answered();
    // Now and not at the end: an endpoint with long streams would else be known by its failures only.
    this.#parts.recentFailures.record(this.candidate.endpoint.name, false);
  }

  end(verdict: AttemptVerdict): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#place.release();
    const { breakers, recentFailures, onSuspicion } = this.#parts;
    const { endpoint, model } = this.candidate;
    switch (verdict) {
      case "success":
        this.#pass?.success();
        return;
      case "neutral":
        this.#pass?.neutral();
        return;
      case "suspicion":
        this.#pass?.neutral();
        breakers?.noteSuspicion(endpoint.name, model);
        if (breakers !== undefined) onSuspicion(endpoint.name);
        return;
      default:
        this.#pass?.failure(verdict);
        recentFailures.record(endpoint.name, true);
    }
  }
}

/** Waits with a signal that stands for the client's and for an operator's end to the request. */
async function waitCancellably<Result>(
  { signal, cancellation }: Pick<AttemptClient, "signal" | "cancellation">,
  wait: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  if (cancellation === undefined) return await wait(signal);
  const controller = new AbortController();
  const onClientAbort = () => controller.abort();
  if (signal.aborted) onClientAbort();
  signal.addEventListener("abort", onClientAbort, { once: true });
  cancellation.begin(controller);
  try {
    return await wait(controller.signal);
  } catch (error) {
    cancellation.throwIfCancelled();
    throw error;
  } finally {
    cancellation.end(controller);
    signal.removeEventListener("abort", onClientAbort);
  }
}

function allDrained(candidates: readonly Candidate[]): OllaError {
  const names = [...new Set(namesOf(candidates))].map((name) => `"${name}"`).join(", ");
  return new OllaError(
    "no_healthy_endpoints",
    `No endpoint takes this request now: ${names} is being drained`,
  );
}

function admitOrRelease(
  breakers: BreakerSet | undefined,
  { endpoint, model }: Candidate,
  release: () => void,
): BreakerPass | undefined {
  try {
    return breakers?.admit(endpoint.name, model);
  } catch (fault) {
    release();
    throw fault;
  }
}

/** The very same list where none is for overflow, or all are. */
const withoutOverflow = oncePerList((candidates: Candidates): Candidates => {
  if (!candidates.some(({ isOverflow }) => isOverflow === true)) return candidates;
  const own = candidates.filter(({ isOverflow }) => isOverflow !== true);
  return isSome(own) ? own : candidates;
});

function namesOf(candidates: readonly Candidate[]): readonly string[] {
  return candidates.map(({ endpoint }) => endpoint.name);
}

function firstSome(...lists: readonly (readonly Candidate[])[]): readonly Candidate[] {
  return lists.find((list) => list.length > 0) ?? [];
}
