import type { Exchange } from "../../pipeline/exchange.ts";
import type { Arrival } from "../arrival.ts";
import type { ServerDependencies } from "../dependencies.ts";
import type { AdminGuard } from "../guard/admin-guard.ts";
import { ownOutcome } from "../own-outcome.ts";
import type { ScopedPath } from "../scope.ts";
import { pinToNamedEndpoint } from "./ollama-management.ts";
import { createShowRequests, showPath } from "./ollama-show.ts";

export interface OllamaRequests {
  /**
   * Looks at a request that is to be sent on. Nearly all come back as they are; those that need more than that come
   * back changed, or answered.
   * @throws OllaError for what may not be sent on
   */
  prepare(exchange: Exchange, arrival: Arrival, scoped: ScopedPath): Exchange | Promise<Exchange | Response>;
}

/** The requests of Ollama's API that mean something else in front of several endpoints. */
export function createOllamaRequests(deps: ServerDependencies, admin: AdminGuard): OllamaRequests {
  const shows = createShowRequests(deps);
  return {
    prepare(exchange, arrival, scoped) {
      const { scope, upstreamPath } = scoped;
      if (scope.isManagement(upstreamPath)) {
        admin.requireAdmin(arrival);
        return pinToNamedEndpoint(exchange, arrival, scoped, deps);
      }
      const isShow = upstreamPath === showPath && exchange.request.method === "POST";
      if (!isShow || !(scope.profile === "all" || scope.profile.paths.includes(showPath))) return exchange;
      return answerShow(exchange, arrival);
    },
  };

  async function answerShow(exchange: Exchange, arrival: Arrival): Promise<Exchange | Response> {
    const answer = await shows.answer(exchange);
    if (!(answer instanceof Response)) return answer;
    answer.headers.set("X-Olla-Request-ID", exchange.requestId);
    deps.record(ownOutcome(arrival, answer, undefined, deps.clock));
    return answer;
  }
}
