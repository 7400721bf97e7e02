import { routingWeight } from "../endpoints/endpoint-status.ts";
import type { ActiveConnections, Balancer, Candidate, Candidates } from "./balancer.ts";
import { leastHandledWell, oncePerList } from "./candidate-lists.ts";
import { pickAt } from "./pick.ts";

/** Draws from [0, 1), as `Math.random` does. */
export type RandomSource = () => number;

/** Of several with one priority. */
interface Tier {
  readonly candidates: readonly Candidate[];
  /** `runningSums` of their weights while none of them is saturated. */
  readonly sums: readonly number[];
}

/**
 * The endpoints with the highest priority share the traffic by weight: that of their status times their own. One that
 * has as many requests as its kind handles well weighs no more than a busy one. Lower priorities get nothing while a
 * higher one has a candidate.
 */
export function createPriorityBalancer(connections: ActiveConnections, random: RandomSource): Balancer {
  const weightNow = (candidate: Candidate): number => {
    const { name, profile } = candidate.endpoint;
    const handlesWell = profile.maxConcurrentRequests;
    const isSaturated = handlesWell > 0 && connections.of(name) >= handlesWell;
    return isSaturated ? saturatedWeightOf(candidate) : weightOf(candidate);
  };
  return {
    name: "priority",
    select(candidates) {
      const tier = topTier(candidates);
      if (tier.candidates.length === 1) return pickAt(tier.candidates, 0);
      // With hundreds of candidates a look at each costs more than all else: mostly none has that many.
      const mayBeSaturated = connections.highest() >= leastHandledWell(candidates);
      const sums = mayBeSaturated ? runningSums(tier.candidates, weightNow) : tier.sums;
      return pickAt(tier.candidates, drawIndex(sums, random()));
    },
  };
}

const topTier = oncePerList((candidates: Candidates): Tier => {
  let highest = Number.NEGATIVE_INFINITY;
  let lowest = Number.POSITIVE_INFINITY;
  for (const { endpoint } of candidates) {
    highest = Math.max(highest, endpoint.priority);
    lowest = Math.min(lowest, endpoint.priority);
  }
  const top =
    highest === lowest ? candidates : candidates.filter(({ endpoint }) => endpoint.priority === highest);
  return { candidates: top, sums: runningSums(top, weightOf) };
});

function weightOf({ endpoint, status }: Candidate): number {
  return routingWeight(status) * endpoint.weight;
}

function saturatedWeightOf({ endpoint, status }: Candidate): number {
  return Math.min(routingWeight(status), routingWeight("busy")) * endpoint.weight;
}

/** At each index the weights up to there, its own included. */
function runningSums(candidates: readonly Candidate[], weigh: (candidate: Candidate) => number): number[] {
  let sum = 0;
  return candidates.map((candidate) => {
    sum += weigh(candidate);
    return sum;
  });
}

/** Each index as often as its weight says, evenly when none has any. @param draw from [0, 1) */
function drawIndex(sums: readonly number[], draw: number): number {
  const total = sums.at(-1) ?? 0;
  if (total <= 0) return Math.floor(draw * sums.length);
  const mark = draw * total;
  const drawn = firstIndex(sums, (sum) => sum > mark);
  // A product close to the total may be rounded up to it.
  return drawn < sums.length ? drawn : firstIndex(sums, (sum) => sum >= total);
}

/** The first of rising numbers that is far enough; their count when none is. */
function firstIndex(rising: readonly number[], isFarEnough: (sum: number) => boolean): number {
  let [from, to] = [0, rising.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    if (isFarEnough(rising[middle] ?? 0)) to = middle;
    else from = middle + 1;
  }
  return from;
}
