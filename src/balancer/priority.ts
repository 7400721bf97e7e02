import { routingWeight } from "../endpoints/endpoint-status.ts";
import type { ActiveConnections, Balancer, Candidate } from "./balancer.ts";
import { pickAt } from "./pick.ts";

/** Draws from [0, 1), as `Math.random` does. */
export type RandomSource = () => number;

/**
 * The endpoints with the highest priority share the traffic by weight: that of their status times their own. One that
 * has as many requests as its kind handles well weighs no more than a busy one. Lower priorities get nothing while a
 * higher one has a candidate.
 */
export function createPriorityBalancer(connections: ActiveConnections, random: RandomSource): Balancer {
  const weightOf = ({ endpoint, status }: Candidate): number => {
    const handlesWell = endpoint.profile.maxConcurrentRequests;
    // With hundreds of candidates a look at each costs more than all else: none has more than all together have.
    const mayBeSaturated = handlesWell > 0 && connections.total() >= handlesWell;
    const isSaturated = mayBeSaturated && connections.of(endpoint.name) >= handlesWell;
    const weight = routingWeight(status);
    return (isSaturated ? Math.min(weight, routingWeight("busy")) : weight) * endpoint.weight;
  };
  return {
    name: "priority",
    select(candidates) {
      const tier = topTier(candidates);
      return pickAt(tier, tier.length > 1 ? drawIndex(tier.map(weightOf), random()) : 0);
    },
  };
}

function topTier(candidates: readonly Candidate[]): readonly Candidate[] {
  let highest = Number.NEGATIVE_INFINITY;
  let lowest = Number.POSITIVE_INFINITY;
  for (const { endpoint } of candidates) {
    highest = Math.max(highest, endpoint.priority);
    lowest = Math.min(lowest, endpoint.priority);
  }
  return highest === lowest ? candidates : candidates.filter(({ endpoint }) => endpoint.priority === highest);
}

/** Each index as often as its weight says, evenly when none has any. @param draw from [0, 1) */
function drawIndex(weights: readonly number[], draw: number): number {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  if (total <= 0) return Math.floor(draw * weights.length);
  const mark = draw * total;
  let sum = 0;
  const drawn = weights.findIndex((weight) => {
    sum += weight;
    return sum > mark;
  });
  // Sums of fractions may fall short of their total by a rounding error.
  return drawn === -1 ? weights.findLastIndex((weight) => weight > 0) : drawn;
}
