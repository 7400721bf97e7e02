import type { Endpoint } from "../endpoints/endpoint.ts";
import type { Warmth } from "../models/loaded/loaded-models.ts";
import type { ActiveConnections, Balancer, Candidate, Candidates } from "./balancer.ts";
import { isSome, leastHandledWell, oncePerList } from "./candidate-lists.ts";

/** Which models the endpoints have in memory, as far as is known. */
export interface LoadedKnowledge {
  warmthAt(endpoint: Endpoint, model: string): Warmth;
  /** Another number whenever `warmthAt` may say something else than before. */
  readonly edition: number;
  /** Milliseconds since something was last sent there. */
  idleMs(endpointName: string): number;
  /** To be told of every choice, so that the next one knows what is being loaded. */
  noteChosen(endpoint: Endpoint, model: string): void;
}

/** What was made of a list. */
interface Look {
  readonly preferred: Candidates;
  /** As long as what is loaded is what it was, and nobody is crowded. */
  readonly isLasting: boolean;
  /** Of what was known when it was made. */
  readonly edition: number;
}

/** How a candidate stands, as bits: several go together in a set. */
const standing = {
  warm: 1,
  neutral: 2,
  /** Warm, but with as many requests as its kind handles well. */
  crowded: 4,
  /** Has other models in memory that nobody has asked for lately. */
  resting: 8,
  /** Has other models in memory and works with them. */
  occupied: 16,
} as const;

/** A machine that has had nothing to do for so long may give up its models for the sake of a crowded one. */
const restingAfterMs = 60_000;

/**
 * Chooses as `inner` does among the candidates that have the model in memory. A crowded one no longer counts for more
 * than those that have nothing loaded: else a second machine would never get the model. What has other models in memory
 * comes last, because it would have to give them up. Where nothing is known nothing changes.
 *
 * Only among candidates that `inner` holds equal: with `priority` those of the highest priority.
 */
export function createWarmFirstBalancer(
  inner: Balancer,
  loaded: LoadedKnowledge,
  connections: ActiveConnections,
): Balancer {
  const standingOf = (candidate: Candidate) => judgeStanding(candidate, loaded, connections);

  const look = (candidates: Candidates): Look => {
    const lowest = inner.name === "priority" ? highestPriority(candidates) : Number.NEGATIVE_INFINITY;
    let present = 0;
    for (const candidate of candidates) {
      if (candidate.endpoint.priority >= lowest) present |= standingOf(candidate);
    }
    const wanted = wantedOf(present);
    // These two go by the clock and by what is under way.
    const isLasting = (wanted & (standing.resting | standing.occupied)) === 0;
    const { edition } = loaded;
    if ((present & ~wanted) === 0) return { preferred: candidates, isLasting, edition };
    const preferred = candidates.filter(
      (candidate) => candidate.endpoint.priority >= lowest && (standingOf(candidate) & wanted) !== 0,
    );
    return { preferred: isSome(preferred) ? preferred : candidates, isLasting, edition };
  };

  const latestLooks = oncePerList((): { look?: Look } => ({}));
  const preferred = (candidates: Candidates): Candidates => {
    // Whoever is crowded may be so no longer.
    if (connections.highest() >= leastHandledWell(candidates)) return look(candidates).preferred;
    const latest = latestLooks(candidates);
    if (latest.look?.edition !== loaded.edition || !latest.look.isLasting) latest.look = look(candidates);
    return latest.look.preferred;
  };

  return {
    name: inner.name,
    select(candidates) {
      const picked = inner.select(candidates.length === 1 ? candidates : preferred(candidates));
      const model = modelAskedFor(picked);
      if (model !== undefined) loaded.noteChosen(picked.endpoint, model);
      return picked;
    },
  };
}

/** Those that are worth waiting for before any other is used; the very same list where none is better than another. */
export type WorthWaiting = (open: Candidates) => Candidates;

/**
 * Where places are limited: those that need not give up a model that is in use, as long as one of them has this model in
 * memory. One that the balancer would choose all the same, for its rank or its priority, is among them.
 */
export function createWorthWaiting(
  { name }: Pick<Balancer, "name">,
  loaded: LoadedKnowledge,
  connections: ActiveConnections,
): WorthWaiting {
  const isBetter = (one: Candidate, other: Candidate) =>
    (one.rank ?? 0) < (other.rank ?? 0) ||
    (name === "priority" && one.endpoint.priority > other.endpoint.priority);
  const isIn = (standings: number, candidate: Candidate) =>
    (judgeStanding(candidate, loaded, connections) & standings) !== 0;
  return (open) => {
    if (open.length === 1) return open;
    const warm = open.filter((candidate) => isIn(standing.warm | standing.crowded, candidate));
    if (warm.length === 0) return open;
    const [first, ...others] = open.filter(
      (candidate) => !isIn(standing.occupied, candidate) || warm.every((other) => isBetter(candidate, other)),
    );
    return first === undefined || others.length + 1 === open.length ? open : [first, ...others];
  };
}

function judgeStanding(
  candidate: Candidate,
  loaded: LoadedKnowledge,
  connections: ActiveConnections,
): number {
  const { endpoint } = candidate;
  const model = modelAskedFor(candidate);
  const warmth = model === undefined ? "neutral" : loaded.warmthAt(endpoint, model);
  if (warmth === "neutral") return standing.neutral;
  const active = connections.of(endpoint.name);
  if (warmth === "warm") {
    const handlesWell = endpoint.profile.maxConcurrentRequests;
    return handlesWell > 0 && active >= handlesWell ? standing.crowded : standing.warm;
  }
  const isResting = active === 0 && loaded.idleMs(endpoint.name) >= restingAfterMs;
  return isResting ? standing.resting : standing.occupied;
}

/** What the endpoint is asked for, in its own spelling where that is known. */
export function modelAskedFor({ bodyModel, model }: Candidate): string | undefined {
  return bodyModel ?? model;
}

function wantedOf(present: number): number {
  if ((present & standing.warm) !== 0) return standing.warm;
  if ((present & standing.neutral) !== 0) return standing.neutral | standing.crowded;
  if ((present & standing.crowded) !== 0) return standing.crowded | standing.resting;
  return standing.resting | standing.occupied;
}

function highestPriority(candidates: Candidates): number {
  let highest = Number.NEGATIVE_INFINITY;
  for (const { endpoint } of candidates) highest = Math.max(highest, endpoint.priority);
  return highest;
}
