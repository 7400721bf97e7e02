import type { Endpoint } from "../endpoints/endpoint.ts";

type Target = Pick<Endpoint, "origin" | "basePath" | "preservePath">;

/** A `.` or `..` segment, in any spelling that some server on the way may take for one. */
const dotSegment = /(?:^|\/|\\|%2f|%5c)(?:\.|%2e){1,2}(?=\/|\\|%2f|%5c|$)/i;
const separator = /\/|\\|%2f|%5c/i;
const encodedDot = /%2e/gi;
const repeatedSlash = /\/{2,}/g;

/**
 * The URL to ask an endpoint for. The client's percent-encoding is kept byte for byte, except in a path with dot
 * segments: those are resolved first, so that no path leaves the endpoint's base.
 * @param path what is left behind the route's prefix, starting with `/`
 * @param query `""` or starting with `?`, sent on as it is
 */
export function buildUpstreamUrl(endpoint: Target, path: string, query: string): string {
  const inside = dotSegment.test(path) ? resolveDotSegments(path) : path;
  if (!endpoint.preservePath || endpoint.basePath === "") return endpoint.origin + inside + query;
  return endpoint.origin + joinPaths(endpoint.basePath, inside) + query;
}

function resolveDotSegments(path: string): string {
  const kept: string[] = [];
  const segments = path.split(separator);
  for (const segment of segments) {
    const plain = segment.replace(encodedDot, ".");
    if (plain === "..") kept.pop();
    else if (plain !== "." && segment !== "") kept.push(segment);
  }
  const endsOpen = segments.at(-1) === "" && kept.length > 0;
  return `/${kept.join("/")}${endsOpen ? "/" : ""}`;
}

/** Repeated slashes collapse. A single slash at the end means something to some servers and stays; `/` alone does not. */
function joinPaths(basePath: string, path: string): string {
  const endsInOneSlash = path.endsWith("/") && !path.endsWith("//");
  const collapsed = `${basePath}/${path}`.replace(repeatedSlash, "/");
  if (collapsed.endsWith("/") && !(endsInOneSlash && path.length > 1)) return collapsed.slice(0, -1);
  return collapsed;
}
