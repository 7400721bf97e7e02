import { RefreshGate } from "../models/refresh-gate.ts";
import { needsOf } from "../pipeline/capability.ts";
import type { Exchange } from "../pipeline/exchange.ts";
import { createPathSupport } from "../pipeline/path-support.ts";
import type { PipelineContext } from "../pipeline/pipeline.ts";
import { type RouteContext, route } from "../pipeline/route.ts";
import { createRoutingStrategy } from "../pipeline/routing-strategy.ts";
import type { ClientApi } from "../translate/client-api.ts";
import type { Fleet } from "./fleet.ts";
import type { AppOptions } from "./options.ts";

/** The stages that decide where a request may go. */
export function createRouting(
  { config, profiles, clock }: AppOptions,
  { registry, catalog, aliases, discovery }: Fleet,
  findApi: (exchange: Exchange) => ClientApi | undefined,
): Pick<PipelineContext, "route" | "refreshModels"> {
  const { type, options } = config.model_registry.routing_strategy;
  const unchanging: Omit<RouteContext, "endpoints"> = {
    catalog,
    aliases,
    pathSupport: createPathSupport(profiles.all),
    strategy: createRoutingStrategy({
      type,
      fallback: options.fallback_behavior,
      refreshOnMiss: options.discovery_refresh_on_miss,
    }),
    isModelRoutingOn: config.discovery.model_discovery.enabled,
  };
  const { pathSupport } = unchanging;
  const gate = new RefreshGate({
    clock,
    timeoutMs: options.discovery_timeout,
    refreshAll: () => discovery.refreshAll(),
    newestListAt: () =>
      newest(registry.snapshot().map(({ endpoint }) => catalog.lastUpdatedAt(endpoint.name))),
  });
  return {
    route: (exchange, inspection, refreshed) => {
      const { scope, upstreamPath } = exchange;
      const api = findApi(exchange);
      return route(
        {
          model: inspection.model,
          scope,
          upstreamPath,
          answersOtherwise:
            api === undefined
              ? undefined
              : (profile) =>
                  api.nativePath(profile) !== undefined ||
                  pathSupport.supports(profile.name, translatedPathOf(api)),
          needs: needsOf(inspection, upstreamPath),
          refreshed,
        },
        { ...unchanging, endpoints: registry.snapshot() },
      );
    },
    refreshModels: (clientSignal) => gate.refresh(clientSignal),
  };
}

/** Where endpoints are asked that do not know the API. */
function translatedPathOf({ name }: ClientApi): string {
  return name.startsWith("ollama-embed") ? "/v1/embeddings" : "/v1/chat/completions";
}

function newest(times: readonly (number | undefined)[]): number | undefined {
  return times.reduce(
    (latest, time) => (latest === undefined || (time ?? 0) > latest ? time : latest),
    undefined,
  );
}
