import type { Endpoint } from "../endpoints/endpoint.ts";
import { openaiVersion } from "../endpoints/endpoint-url.ts";
import type { Profile } from "../profiles/profile.ts";

type Target = Pick<Endpoint, "origin" | "basePath" | "preservePath"> & {
  readonly profile: Pick<Profile, "openaiBase" | "paths">;
};

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
  const { origin, basePath, preservePath } = endpoint;
  if (!preservePath || basePath === "") return origin + placeForKind(endpoint, inside) + query;
  // The address was copied from a client's settings, and names the version that the path begins with, too.
  if (inside.startsWith(versionStart) && basePath.endsWith(openaiVersion)) {
    return origin + joinPaths(basePath, inside.slice(openaiVersion.length)) + query;
  }
  const placed = placeForKind(endpoint, inside);
  return origin + joinPaths(withoutOverlap(basePath, placed, endpoint.profile.openaiBase), placed) + query;
}

const versionStart = `${openaiVersion}/`;

/** Where backends of this kind answer what OpenAI answers below `/v1`. What they list themselves stays. */
function placeForKind({ profile }: Target, path: string): string {
  const { openaiBase } = profile;
  if (openaiBase === openaiVersion || !path.startsWith(versionStart) || profile.paths.includes(path))
    return path;
  return openaiBase + path.slice(openaiVersion.length);
}

/** An address that ends within the kind's base: `http://host/engines` and `/engines/v1/models` share a segment. */
function withoutOverlap(basePath: string, path: string, openaiBase: string): string {
  if (!path.startsWith(`${openaiBase}/`)) return basePath;
  for (let end = openaiBase.length; end > 0; end = openaiBase.lastIndexOf("/", end - 1)) {
    if (basePath.endsWith(openaiBase.slice(0, end))) return basePath.slice(0, -end);
  }
  return basePath;
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
