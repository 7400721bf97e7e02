import type { Profile } from "../profiles/profile.ts";
import { decodeSegment } from "./decode-segment.ts";

/** Whether a path changes what an endpoint has, in any spelling that some server on the way may take for it. */
export function createManagementTest(profiles: readonly Profile[]): (path: string) => boolean {
  const paths = profiles.flatMap((profile) => profile.managementPaths);
  if (paths.length === 0) return () => false;
  const exact = new Set(paths.filter((path) => !path.endsWith("/*")));
  const beginnings = paths.filter((path) => path.endsWith("/*")).map((path) => path.slice(0, -1));
  const isListed = (path: string) =>
    exact.has(path) || beginnings.some((beginning) => path.startsWith(beginning));
  return (path) => isListed(path) || (unusual.test(path) && isListed(simplify(path)));
}

/** Encoded or repeated separators, dot segments, a slash at the end. */
const unusual = /[%\\]|\/\/|\/\.|\/$/;

function simplify(path: string): string {
  const kept: string[] = [];
  for (const segment of decodeSegment(path).split(/[/\\]/)) {
    if (segment === "..") kept.pop();
    else if (segment !== "" && segment !== ".") kept.push(segment);
  }
  return `/${kept.join("/")}`;
}
