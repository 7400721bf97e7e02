import { RefreshGate } from "../models/refresh-gate.ts";
import { needsOf, settle } from "../pipeline/capability.ts";
import type { Exchange } from "../pipeline/exchange.ts";
import { type DecidedRoute, explainRoute } from "../pipeline/explain-route.ts";
import { createPathSupport, type PathSupport } from "../pipeline/path-support.ts";
import type { PipelineContext } from "../pipeline/pipeline.ts";
import { type RouteContext, type RouteRequest, route } from "../pipeline/route.ts";
import { createRoutingStrategy } from "../pipeline/routing-strategy.ts";
import { routeWithin } from "../pipeline/tiers.ts";
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
        answersOtherwise: api && answeringOtherwise(api, pathSupport),
        needs: needsOf(inspection, upstreamPath),
        refreshed,
      };
      const all = { ...unchanging, endpoints: registry.snapshot() };
      const barrier = tiers.barrierFor(exchange);
      const decided =
        barrier === undefined
          ? route(request, all)
          : routeWithin(all.endpoints, barrier, (endpoints) => route(request, { ...unchanging, endpoints }));
      const routed = tiers.arrange(decided, inspection);
      if ("isRefreshNeeded" in routed) return routed;
      const candidates = "error" in routed ? [] : routed.candidates;
      return { ...routed, considered: explainLater({ request, context: all, candidates, barrier }) };
    },
    refreshModels: (clientSignal) => gate.refresh(clientSignal),
  };
}

/** A function of its own, so that what is kept for later does not keep the request's body. */
function explainLater(decided: DecidedRoute): () => ReturnType<typeof explainRoute> {
  const { needs, ...request } = decided.request;
  const kept = { ...decided, request: needs === undefined ? request : { ...request, needs: settle(needs) } };
  return () => explainRoute(kept);
}

function answeringOtherwise(api: ClientApi, pathSupport: PathSupport): (profile: Profile) => boolean {
  return (profile) => answersInOtherWords(api, profile, pathSupport);
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
