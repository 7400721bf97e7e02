import type { SendOptions, UpstreamRequest } from "./engine.ts";

/** How every upstream call is made, whatever pool its connection comes from. */
export function fetchOptions(request: UpstreamRequest, options: SendOptions): BunFetchRequestInit {
  return {
    method: request.method,
    headers: request.headers,
    // An empty optional member is not the same as an absent one to `fetch`'s types.
    ...(request.body === undefined ? {} : { body: request.body }),
    signal: options.signal,
    keepalive: !options.onFreshConnection,
    redirect: "manual",
    decompress: false,
    proxy: false,
    // Prompt processing may take longer than the runtime's five minutes; our own timers decide.
    timeout: false,
    // Connections are pooled by it: one that was opened without checking never carries what has to be checked.
    ...(options.tls && { tls: options.tls }),
  };
}
