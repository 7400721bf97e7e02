/**
 * Well-known ports that no program uses any more. Unlike a port that was bound and closed they are never handed out
 * again, not even to the Olla under test.
 */
const unusedPorts = [2, 3, 4, 5, 6, 8, 10, 12, 14, 16, 18, 24, 26, 27, 28, 29, 30] as const;
let next = 0;

/** A loopback port on which nobody listens: a connection there is refused at once. Different from the last few. */
export function findDeadPort(): number {
  const port = unusedPorts[next % unusedPorts.length] ?? unusedPorts[0];
  next += 1;
  return port;
}
