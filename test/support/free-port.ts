/** Below what systems give to connections and to port 0, so that nothing else takes a port between here and its use. */
const lowest = 20_000;
const amount = 10_000;

/** A loopback port that a program of a test may listen on; by chance, as several test runs may look for one at once. */
export function findFreePort(): number {
  for (;;) {
    const port = lowest + Math.floor(Math.random() * amount);
    if (isFree(port)) return port;
  }
}

function isFree(port: number): boolean {
  try {
    Bun.listen({ hostname: "127.0.0.1", port, socket: { data() {} } }).stop(true);
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EADDRINUSE") return false;
    throw error;
  }
}
