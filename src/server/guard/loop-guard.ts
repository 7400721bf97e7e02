/** More Ollas in a row than anybody means, for a proxy between them that keeps `Via` but drops comments. */
const mostHops = 8;
const hop = /\bolla\//gi;

/**
 * Whether a request has been here before. What it was sent on with says so: the comment behind our name in `Via`, which
 * is this process's alone, so that one Olla in front of another one is no loop.
 */
export function createLoopTest(instanceId: string): (headers: Headers) => boolean {
  const ownComment = `(${instanceId})`;
  return (headers) => {
    const via = headers.get("via");
    if (via === null) return false;
    return via.includes(ownComment) || (via.match(hop)?.length ?? 0) > mostHops;
  };
}
