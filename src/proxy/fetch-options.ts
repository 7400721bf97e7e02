import type { SendOptions, UpstreamRequest } from "./engine.ts";

/** How every upstream call is made, whatever pool its connection comes from. */
export function fetchOptions(request: UpstreamRequest, options: SendOptions): BunFetchRequestInit {
  const init: BunFetchRequestInit = {
    method: request.method,
    headers: request.headers,
    signal: options.signal,
    keepalive: !options.onFreshConnection,
    redirect: "manual",
    decompress: false,
    proxy: false,
    // Prompt processing may take longer than the runtime's five minutes; our own timers decide.
    timeout: false,
  };
  if (request.body !== undefined) init.body = request.body;
  // Connections are pooled by it: one that was opened without checking never carries what has to be checked.
  if (options.tls !== undefined) init.tls = options.tls;
  return init;
}
