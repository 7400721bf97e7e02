import type { Engine } from "./engine.ts";

/** The simple engine: the runtime's own shared connection pool and nothing in between. */
export function createSherpaEngine(): Engine {
  return {
    name: "sherpa",
    relay: { wholeBodyLimitBytes: 64 * 1024 },
    transport: {
      send: (_endpointName, request, { signal, onFreshConnection }) =>
        fetch(request.url, {
          method: request.method,
          headers: request.headers,
          // An empty optional member is not the same as an absent one to `fetch`'s types.
          ...(request.body === undefined ? {} : { body: request.body }),
          signal,
          keepalive: !onFreshConnection,
          redirect: "manual",
          decompress: false,
          proxy: false,
          // Prompt processing may take longer than the runtime's five minutes; our own timers decide.
          timeout: false,
        }),
      forget() {},
      close() {},
    },
  };
}
