import type { Engine } from "./engine.ts";
import { fetchOptions } from "./fetch-options.ts";

/** Seconds. Half-open peers are not noticed in a pool, so connections don't wait there for long. */
const idleConnectionSeconds = 30;
const idleConnectionsPerEndpoint = 25;

/**
 * The engine for many clients: a connection pool for each endpoint, so that none waits for another's and all of an
 * endpoint's connections can be dropped at once; a circuit breaker; larger pieces.
 */
export function createOllaEngine(): Engine {
  const sessions = new Map<string, Bun.FetchSession>();

  const sessionOf = (endpointName: string): Bun.FetchSession => {
    const known = sessions.get(endpointName);
    if (known !== undefined) return known;
    const session = new Bun.FetchSession({
      proxy: false,
      keepAlive: { idleTimeout: idleConnectionSeconds, maxIdleSockets: idleConnectionsPerEndpoint },
    });
    sessions.set(endpointName, session);
    return session;
  };

  return {
    name: "olla",
    hasBreaker: true,
    relay: { wholeBodyLimitBytes: 256 * 1024, writeLimitBytes: 64 * 1024 },
    transport: {
      send: (endpointName, request, options) =>
        sessionOf(endpointName).fetch(request.url, fetchOptions(request, options)),
      forget(endpointName) {
        sessions.get(endpointName)?.close();
        sessions.delete(endpointName);
      },
      close() {
        for (const session of sessions.values()) session.close();
        sessions.clear();
      },
    },
  };
}
