import type { Engine } from "./engine.ts";
import { fetchOptions } from "./fetch-options.ts";

/** Seconds. Half-open peers are not noticed in a pool, so connections don't wait there for long. */
const idleConnectionSeconds = 30;
const idleConnectionsPerOrigin = 25;

/**
 * The engine for many clients: a connection pool for each origin, so that none waits for another's and all of its
 * connections can be dropped at once, and endpoints behind one gateway share theirs; a circuit breaker; larger pieces.
 */
export function createOllaEngine(): Engine {
  const sessions = new Map<string, Bun.FetchSession>();

  const sessionOf = (origin: string): Bun.FetchSession => {
    const known = sessions.get(origin);
    if (known !== undefined) return known;
    const session = new Bun.FetchSession({
      proxy: false,
      keepAlive: { idleTimeout: idleConnectionSeconds, maxIdleSockets: idleConnectionsPerOrigin },
    });
    sessions.set(origin, session);
    return session;
  };

  return {
    name: "olla",
    hasBreaker: true,
    relay: { wholeBodyLimitBytes: 256 * 1024, writeLimitBytes: 64 * 1024 },
    transport: {
      send: (origin, request, options) =>
        sessionOf(origin).fetch(request.url, fetchOptions(request, options)),
      forget(origin) {
        sessions.get(origin)?.close();
        sessions.delete(origin);
      },
      close() {
        for (const session of sessions.values()) session.close();
        sessions.clear();
      },
    },
  };
}
