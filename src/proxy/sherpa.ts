import type { Engine } from "./engine.ts";
import { fetchOptions } from "./fetch-options.ts";

/** The simple engine: the runtime's own shared connection pool and nothing in between. */
export function createSherpaEngine(): Engine {
  return {
    name: "sherpa",
    hasBreaker: false,
    relay: { wholeBodyLimitBytes: 64 * 1024, writeLimitBytes: 8 * 1024 },
    transport: {
      send: (_origin, request, options) => fetch(request.url, fetchOptions(request, options)),
      forget() {},
      close() {},
    },
  };
}
