import { RefreshGate } from "../models/refresh-gate.ts";
import { needsOf, type RequestNeeds, settle } from "../pipeline/capability.ts";
import { DecidedRoutes } from "../pipeline/decided-routes.ts";
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
import type { ModelNames } from "./model-names.ts";
import type { AppOptions } from "./options.ts";
import type { Tiers } from "./tiers.ts";

/** The stages that decide where a request may go. */
export function createRouting(
  { config, profiles, clock }: AppOptions,
  { registry, catalog, discovery, aliases }: Pick<Fleet, "registry" | "catalog" | "discovery"> & ModelNames,
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
  const decidedRoutes = new DecidedRoutes();
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
      const { model } = inspection;
      const endpoints = registry.snapshot();
      const barrier = tiers.barrierFor(exchange);
      const api = findApi(exchange);
      const needs = needsOf(inspection, upstreamPath);
      const isUsual = barrier === undefined && refreshed === undefined && !tiers.looksAtBodies;
      const question = isUsual ? questionOf(exchange, model, api?.name, needs) : undefined;
      const ground = { endpoints: registry.edition, models: catalog.edition };
      const known = question === undefined ? undefined : decidedRoutes.find(question, ground);
      if (known !== undefined) return known;

      const answersOtherwise = api && answeringOtherwise(api, pathSupport);
      const request: RouteRequest = { model, scope, upstreamPath, answersOtherwise, needs, refreshed };
      const all = { ...unchanging, endpoints };
      const decided =
        barrier === undefined
          ? route(request, all)
          : routeWithin(endpoints, barrier, (open) => route(request, { ...unchanging, endpoints: open }));
      const routed = tiers.arrange(decided, inspection);
      if ("isRefreshNeeded" in routed) return routed;
      const candidates = "error" in routed ? [] : routed.candidates;
      const explained = {
        ...routed,
        considered: explainLater({ request, context: all, candidates, barrier }),
      };
      // Whoever had to look for pictures in the body has decided for this body only.
      const isForAll = question !== undefined && needs.knownVision === undefined;
      if (isForAll && "candidates" in explained) decidedRoutes.keep(question, explained);
      return explained;
    },
    refreshModels: (clientSignal) => gate.refresh(clientSignal),
  };
}

/** All that has a say in where a request may go, besides the endpoints and their models. */
function questionOf(
  { route: prefix, upstreamPath }: Exchange,
  model: string | undefined,
  apiName: ClientApiName | undefined,
  { tools, embeddings }: RequestNeeds,
): string {
  const name = model === undefined ? "" : `=${model}`;
  return `${prefix} ${upstreamPath} ${apiName} ${tools} ${embeddings} ${name}`;
}

/** A function of its own, so that what is kept for later does not keep the request's body. */
function explainLater(decided: DecidedRoute): () => ReturnType<typeof explainRoute> {
  const { needs, ...request } = decided.request;
  let ground: DecidedRoute | undefined = {
    ...decided,
    request: needs === undefined ? request : { ...request, needs: settle(needs) },
  };
  let explained: ReturnType<typeof explainRoute> = [];
  return () => {
    if (ground !== undefined) explained = explainRoute(ground);
    ground = undefined;
    return explained;
  };
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
