import { RefreshGate } from "../models/refresh-gate.ts";
import { needsOf } from "../pipeline/capability.ts";
import type { Exchange } from "../pipeline/exchange.ts";
import { createPathSupport, type PathSupport } from "../pipeline/path-support.ts";
import type { PipelineContext } from "../pipeline/pipeline.ts";
import { type RouteContext, type RouteRequest, route } from "../pipeline/route.ts";
import { createRoutingStrategy } from "../pipeline/routing-strategy.ts";
import type { Profile } from "../profiles/profile.ts";
import type { ClientApi, ClientApiName } from "../translate/client-api.ts";
import type { Fleet } from "./fleet.ts";
import type { AppOptions } from "./options.ts";
import type { Tiers } from "./tiers.ts";

/** The stages that decide where a request may go. */
export function createRouting(
  { config, profiles, clock }: AppOptions,
  { registry, catalog, aliases, discovery }: Fleet,
  findApi: (exchange: Exchange) => ClientApi | undefined,
  tiers: Tiers,
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
      const request: RouteRequest = {
        model: inspection.model,
        scope,
        upstreamPath,
        answersOtherwise: api && ((profile) => answersInOtherWords(api, profile, pathSupport)),
        needs: needsOf(inspection, upstreamPath),
        refreshed,
      };
      const routed = tiers.routeWithin(exchange, (endpoints) => route(request, { ...unchanging, endpoints }));
      return tiers.arrange(routed, inspection);
    },
    refreshModels: (clientSignal) => gate.refresh(clientSignal),
  };
}

/** Whether such an endpoint can answer although its kind does not list the client's path. */
function answersInOtherWords(api: ClientApi, profile: Profile, pathSupport: PathSupport): boolean {
  const isChat = !nowhereTranslated.has(api.name) && !api.name.startsWith("ollama-embed");
  if (profile.anthropic?.isOnlyDialect === true) return isChat;
  if (api.isCommon === true) return false;
  const translatedPath = isChat ? "/v1/chat/completions" : "/v1/embeddings";
  return api.nativePath(profile) !== undefined || pathSupport.supports(profile.name, translatedPath);
}

const nowhereTranslated: ReadonlySet<ClientApiName> = new Set(["completions", "embeddings"]);

function newest(times: readonly (number | undefined)[]): number | undefined {
  return times.reduce(
    (latest, time) => (latest === undefined || (time ?? 0) > latest ? time : latest),
    undefined,
  );
}
