import { FakeUpstream, type FakeUpstreamOptions } from "./fake-upstream.ts";
import type { Behaviour } from "./socket-server.ts";
import { waitUntil } from "./wait-until.ts";

/** A backend that takes part in health and discovery and misbehaves on every request. */
export function startRawUpstream(behave: Behaviour, options: FakeUpstreamOptions = {}): FakeUpstream {
  return new FakeUpstream({ ...options, behave });
}

/**
 * A backend that closes a connection after a number of answers without saying so in them, as llama.cpp does after
 * 100: the next request on that connection is reset.
 */
export function resetReusedConnections(answersPerConnection: number, behave: Behaviour): Behaviour {
  const answered = new Map<number, number>();
  return async (exchange) => {
    const count = answered.get(exchange.connection) ?? 0;
    if (count >= answersPerConnection) {
      exchange.reset();
      return;
    }
    answered.set(exchange.connection, count + 1);
    await behave(exchange);
  };
}

/** Every upstream connection is closed: nothing was left behind. */
export async function waitForNoConnections(upstream: FakeUpstream): Promise<void> {
  await waitUntil(() => upstream.openConnections === 0, { what: "every upstream connection is closed" });
}
