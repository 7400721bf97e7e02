import type { Clock } from "../lib/clock.ts";
import type { Balancer, Candidate } from "./balancer.ts";
import { type EndpointNames, isSome, leaveOut } from "./candidate-lists.ts";

/** Whether an endpoint has failed so much lately that others are to be preferred. */
export interface FailureHistory {
  /** Every endpoint that may be ejected is among them. */
  readonly suspects: EndpointNames;
  /** False for an endpoint never heard of. */
  isEjected(endpointName: string): boolean;
  /** To be told of every choice: an endpoint that comes back is tried with one request, not with all of them. */
  noteChosen(endpointName: string): void;
}

interface Track {
  /** Recent ones; older ones weigh less. */
  failures: number;
  requests: number;
  /** All of them, to know whether there is enough to judge by. */
  seen: number;
  lastAt: number;
  /** In a row, without a success after one of them; 0 in good standing. */
  ejections: number;
  /** Monotonic. After it the endpoint is on trial. */
  ejectedUntil: number;
  /** Until then the request that tries the endpoint is waited for. */
  trialUntil: number;
}

const fewestRequests = 5;
const toleratedShare = 0.5;
/** Requests that can weigh against new ones: an endpoint that dies after a good day is noticed within as many. */
const mostRemembered = 20;
const halfLifeMs = 30_000;
/** After so long a silence nothing seen before means much. */
const forgottenAfterMs = 5 * 60_000;
const firstEjectionMs = 1000;
const longestEjectionMs = 30_000;

/**
 * How requests at each endpoint ended lately. One at which more than half failed, of five at least, is ejected for 1 s.
 * Then one request tries it: a success brings it back in full, a failure ejects it for twice as long, up to 30 s.
 * Without this an endpoint that refuses at once looks idle and attracts the traffic.
 */
export class RecentFailures implements FailureHistory {
  readonly #clock: Clock;
  readonly #tracks = new Map<string, Track>();
  /** The tracks with an ejection: mostly none, so that a choice costs nothing. */
  readonly #suspects = new Map<string, Track>();

  constructor({ clock }: { readonly clock: Clock }) {
    this.#clock = clock;
  }

  get suspects(): EndpointNames {
    return this.#suspects;
  }

  /** Once for each attempt that says something about the endpoint: not when the client left or was at fault. */
  record(endpointName: string, isFailure: boolean): void {
    const now = this.#clock.now();
    const track = this.#trackOf(endpointName, now);
    track.lastAt = now;
    if (track.ejections > 0) {
      // What ends during the ejection was sent before it and is no news.
      if (now < track.ejectedUntil) return;
      if (isFailure) this.#eject(endpointName, track, now);
      else this.forget(endpointName);
      return;
    }
    track.failures += isFailure ? 1 : 0;
    track.requests += 1;
    track.seen += 1;
    const isTooMuch = track.failures > track.requests * toleratedShare;
    if (isTooMuch && track.seen >= fewestRequests) this.#eject(endpointName, track, now);
  }

  isEjected(endpointName: string): boolean {
    if (this.#suspects.size === 0) return false;
    const track = this.#suspects.get(endpointName);
    if (track === undefined) return false;
    const now = this.#clock.now();
    return now < track.ejectedUntil || now < track.trialUntil;
  }

  noteChosen(endpointName: string): void {
    if (this.#suspects.size === 0) return;
    const track = this.#suspects.get(endpointName);
    const now = this.#clock.now();
    if (track === undefined || now < track.ejectedUntil) return;
    // A trial that nobody reports, because the client left, must not keep the endpoint out for good.
    track.trialUntil = now + ejectionMs(track.ejections);
  }

  /** For an endpoint that is another one under the same name. */
  forget(endpointName: string): void {
    this.#tracks.delete(endpointName);
    this.#suspects.delete(endpointName);
  }

  retainEndpoints(endpointNames: Iterable<string>): void {
    const kept = new Set(endpointNames);
    for (const name of this.#tracks.keys()) if (!kept.has(name)) this.forget(name);
  }

  #trackOf(endpointName: string, now: number): Track {
    const known = this.#tracks.get(endpointName);
    if (known !== undefined && now - known.lastAt < forgottenAfterMs) {
      fade(known, now);
      return known;
    }
    this.forget(endpointName);
    const track = {
      failures: 0,
      requests: 0,
      seen: 0,
      lastAt: now,
      ejections: 0,
      ejectedUntil: 0,
      trialUntil: 0,
    };
    this.#tracks.set(endpointName, track);
    return track;
  }

  #eject(endpointName: string, track: Track, now: number): void {
    track.ejections += 1;
    track.ejectedUntil = now + ejectionMs(track.ejections);
    track.trialUntil = 0;
    this.#suspects.set(endpointName, track);
  }
}

/** Chooses as `inner` does among the candidates that are not ejected, and among all when every one is. */
export function createGuardedBalancer(inner: Balancer, history: FailureHistory): Balancer {
  const isEjected = ({ endpoint }: Candidate) => history.isEjected(endpoint.name);
  return {
    name: inner.name,
    select(candidates) {
      const preferred = leaveOut(candidates, history.suspects, isEjected);
      const picked = inner.select(isSome(preferred) ? preferred : candidates);
      history.noteChosen(picked.endpoint.name);
      return picked;
    },
  };
}

function fade(track: Track, now: number): void {
  const byTime = 0.5 ** ((now - track.lastAt) / halfLifeMs);
  const byNumber = Math.min(1, mostRemembered / Math.max(1, track.requests));
  const factor = Math.min(byTime, byNumber);
  track.failures *= factor;
  track.requests *= factor;
}

function ejectionMs(ejections: number): number {
  return Math.min(longestEjectionMs, firstEjectionMs * 2 ** (ejections - 1));
}
