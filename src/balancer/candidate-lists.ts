import type { Candidate, Candidates } from "./balancer.ts";

/** A shorter list is looked through in less time than it takes to look up what is known of it. */
const longFrom = 16;

/**
 * For what follows from the list alone. A decided route hands the very same list to every request, so that for a long one
 * it is worked out once. Lists and their candidates never change.
 */
export function oncePerList<List extends readonly Candidate[], Result>(
  read: (candidates: List) => Result,
): (candidates: List) => Result {
  const known = new WeakMap<List, { readonly result: Result }>();
  return (candidates) => {
    if (candidates.length < longFrom) return read(candidates);
    let entry = known.get(candidates);
    if (entry === undefined) {
      entry = { result: read(candidates) };
      known.set(candidates, entry);
    }
    return entry.result;
  };
}

/** A map by names will do as well. */
export interface EndpointNames {
  readonly size: number;
  keys(): Iterable<string>;
}

interface Leaving {
  readonly out: readonly Candidate[];
  readonly others: readonly Candidate[];
}

const latestLeavings = new WeakMap<readonly Candidate[], Leaving>();

const byEndpoint = oncePerList(
  (candidates: readonly Candidate[]): ReadonlyMap<string, readonly Candidate[]> =>
    Map.groupBy(candidates, ({ endpoint }) => endpoint.name),
);

/**
 * Without those that are out. The very same list when nobody is, and the same as last time when the same ones are.
 * @param suspects names of all endpoints that may have one that is out: mostly none, so that nobody need be asked about
 */
export function leaveOut(
  candidates: readonly Candidate[],
  suspects: EndpointNames,
  isOut: (candidate: Candidate) => boolean,
): readonly Candidate[] {
  if (suspects.size === 0) return candidates;
  if (candidates.length < longFrom) {
    return candidates.some(isOut) ? candidates.filter((candidate) => !isOut(candidate)) : candidates;
  }
  const places = byEndpoint(candidates);
  const out: Candidate[] = [];
  for (const name of suspects.keys()) {
    for (const candidate of places.get(name) ?? []) if (isOut(candidate)) out.push(candidate);
  }
  if (out.length === 0) return candidates;
  const latest = latestLeavings.get(candidates);
  if (latest !== undefined && areSame(latest.out, out)) return latest.others;
  const left = new Set(out);
  const others = candidates.filter((candidate) => !left.has(candidate));
  latestLeavings.set(candidates, { out, others });
  return others;
}

/** The most requests at once that every one of their endpoints handles well; Infinity where no kind says how many. */
export const leastHandledWell = oncePerList((candidates: Candidates): number => {
  let least = Number.POSITIVE_INFINITY;
  for (const { endpoint } of candidates) {
    const handlesWell = endpoint.profile.maxConcurrentRequests;
    if (handlesWell > 0) least = Math.min(least, handlesWell);
  }
  return least;
});

export function isSome(candidates: readonly Candidate[]): candidates is Candidates {
  return candidates.length > 0;
}

function areSame(some: readonly Candidate[], others: readonly Candidate[]): boolean {
  return some.length === others.length && some.every((candidate, index) => candidate === others[index]);
}
