import { RefreshGate } from "../models/refresh-gate.ts";
import { needsOf } from "../pipeline/capability.ts";
import { createPathSupport } from "../pipeline/path-support.ts";
import type { PipelineContext } from "../pipeline/pipeline.ts";
import { type RouteContext, route } from "../pipeline/route.ts";
import { createRoutingStrategy } from "../pipeline/routing-strategy.ts";
import type { Fleet } from "./fleet.ts";
import type { AppOptions } from "./options.ts";

/** The stages that decide where a request may go. */
export function createRouting(
  { config, profiles, clock }: AppOptions,
  { registry, catalog, aliases, discovery }: Fleet,
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
  const gate = new RefreshGate({
    clock,
    timeoutMs: options.discovery_timeout,
    refreshAll: () => discovery.refreshAll(),
    newestListAt: () =>
      newest(registry.snapshot().map(({ endpoint }) => catalog.lastUpdatedAt(endpoint.name))),
  });
  return {
    route: ({ scope, upstreamPath }, inspection, refreshed) =>
      route(
        {
          model: inspection.model,
          scope,
          upstreamPath,
          needs: needsOf(inspection, upstreamPath),
          refreshed,
        },
        { ...unchanging, endpoints: registry.snapshot() },
      ),
    refreshModels: (clientSignal) => gate.refresh(clientSignal),
  };
}

function newest(times: readonly (number | undefined)[]): number | undefined {
  return times.reduce(
    (latest, time) => (latest === undefined || (time ?? 0) > latest ? time : latest),
    undefined,
  );
}
