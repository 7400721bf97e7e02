import type { Balancer, Candidate, Candidates, TrafficShare } from "./balancer.ts";
import { isSome, oncePerList } from "./candidate-lists.ts";
import type { RandomSource } from "./priority.ts";

/** Draws whose turn it is, each share as often as its weight says, and lets `inner` choose among those who have it. */
export function createShareBalancer(inner: Balancer, random: RandomSource): Balancer {
  return {
    name: inner.name,
    select(candidates) {
      if (!hasShares(candidates)) return inner.select(candidates);
      const drawn = drawShare(candidates, random());
      const sharing = candidates.filter(({ share }) => share === drawn);
      return inner.select(isSome(sharing) ? sharing : candidates);
    },
  };
}

const hasShares = oncePerList((candidates: Candidates) =>
  candidates.some(({ share }) => share !== undefined),
);

/** Each of them counts once, however many endpoints have it. @param draw from [0, 1) */
function drawShare(candidates: Candidates, draw: number): TrafficShare | undefined {
  const shares = new Set(candidates.map(({ share }) => share));
  let total = 0;
  for (const share of shares) total += weightOf(share);
  let mark = draw * total;
  let last: TrafficShare | undefined;
  for (const share of shares) {
    last = share;
    mark -= weightOf(share);
    if (mark < 0) break;
  }
  return last;
}

function weightOf(share: TrafficShare | undefined): number {
  return share?.weight ?? 1;
}

/** Those that are to be used first. The very same list when that is all of them. */
export const lowestRanked = oncePerList((candidates: Candidates): Candidates => {
  let lowest = Number.POSITIVE_INFINITY;
  let highest = Number.NEGATIVE_INFINITY;
  for (const candidate of candidates) {
    const rank = rankOf(candidate);
    lowest = Math.min(lowest, rank);
    highest = Math.max(highest, rank);
  }
  if (lowest === highest) return candidates;
  const ranked = candidates.filter((candidate) => rankOf(candidate) === lowest);
  return isSome(ranked) ? ranked : candidates;
});

/** Without second choices, unless there are no others. The very same list when that is all of them. */
export const firstChoices = oncePerList((candidates: Candidates): Candidates => {
  if (!candidates.some(({ isSecondChoice }) => isSecondChoice === true)) return candidates;
  const first = candidates.filter(({ isSecondChoice }) => isSecondChoice !== true);
  return isSome(first) ? first : candidates;
});

function rankOf({ rank }: Candidate): number {
  return rank ?? 0;
}
