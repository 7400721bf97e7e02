import type { Candidate } from "./balancer.ts";

/** @throws RangeError when there is no such candidate: asking to choose among none is a fault of the caller. */
export function pickAt(candidates: readonly Candidate[], index: number): Candidate {
  const picked = candidates[index];
  if (picked === undefined) {
    throw new RangeError(`No candidate at ${index} of ${candidates.length}`);
  }
  return picked;
}
