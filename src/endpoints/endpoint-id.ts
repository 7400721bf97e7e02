import { fnv1a32 } from "../lib/fnv.ts";

/** The parts of an endpoint that its id depends on. */
export interface Identified {
  readonly name: string;
  /** As written by the user. */
  readonly rawUrl: string;
  /** Without userinfo, query and fragment. */
  readonly url: string;
}

/**
 * Ids for status routes and dashboards, by endpoint name: FNV-1a of the sanitised URL in base 36. Endpoints that share
 * one are numbered by name, then by URL, so the ids don't depend on the order of the configuration.
 */
export function assignEndpointIds(endpoints: readonly Identified[]): Map<string, string> {
  const byUrl = Map.groupBy(endpoints, (endpoint) => endpoint.url);
  const ids = new Map<string, string>();
  for (const [url, group] of byUrl) {
    const base = fnv1a32(url).toString(36);
    const sorted = group.toSorted(
      (left, right) => compareText(left.name, right.name) || compareText(left.rawUrl, right.rawUrl),
    );
    for (const [index, endpoint] of sorted.entries()) {
      ids.set(endpoint.name, sorted.length === 1 ? base : `${base}-${index}`);
    }
  }
  return ids;
}

function compareText(left: string, right: string): number {
  if (left === right) return 0;
  return left < right ? -1 : 1;
}
