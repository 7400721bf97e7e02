import type { Candidate } from "../balancer/balancer.ts";
import { isRoutable } from "../endpoints/endpoint-status.ts";
import type { Alias } from "../models/alias.ts";
import type { ConsideredEndpoint, SkipReason } from "../observe/outcome.ts";
import { lacksSkill } from "./capability.ts";
import { type EndpointInView, type ModelPlaceInView, placeAt } from "./prospect.ts";
import { isInScope, type RouteContext, type RouteRequest, supportsPath } from "./route.ts";
import type { Barrier } from "./tiers.ts";

/** What was decided, and what it was decided from. */
export interface DecidedRoute {
  readonly request: RouteRequest;
  readonly context: RouteContext;
  /** Empty for a rejection. */
  readonly candidates: readonly Candidate[];
  /** Undefined where every endpoint may be reached. */
  readonly barrier: Barrier | undefined;
}

/**
 * What routing made of each endpoint, for people: candidates in their order, then the others. Called when somebody asks,
 * perhaps some time after the request: endpoints and candidates are those of then, what endpoints list is what is known
 * now.
 */
export function explainRoute(decided: DecidedRoute): readonly ConsideredEndpoint[] {
  const { candidates, context } = decided;
  const chosen = new Set(candidates.map(({ endpoint }) => endpoint.name));
  const places = placesAskedFor(decided);
  const skipped = context.endpoints.filter(({ endpoint }) => !chosen.has(endpoint.name));
  return [
    ...candidates.map(({ endpoint, model, rank = 0, status }) => ({
      endpoint: endpoint.name,
      model,
      skipped: undefined,
      rank,
      health: status,
    })),
    ...skipped.map((view) => ({
      endpoint: view.endpoint.name,
      model: undefined,
      skipped: reasonFor(view, places, decided),
      rank: 0,
      health: view.health.status,
    })),
  ];
}

/** In the order in which routing asks. */
function reasonFor(
  view: EndpointInView,
  places: readonly ModelPlaceInView[] | undefined,
  { request, context, barrier }: DecidedRoute,
): SkipReason {
  const { endpoint, health, isDraining } = view;
  const { scope, model } = request;
  if (scope !== "all" && !isInScope(endpoint.profile, scope)) return "outside_route";
  const barred = barrier?.(endpoint)?.code;
  if (barred !== undefined) return barred === "daily_tokens_spent" ? barred : "cloud_barred";
  if (isDraining === true) return "draining";
  if (!isRoutable(health.status)) return "not_healthy";
  if (model !== undefined && places !== undefined) {
    const place = placeAt(places, endpoint.name);
    if (place === undefined) return endpoint.admitsModel(model) ? "model_missing" : "model_filtered";
    const prospect = { ...view, nativeName: place.model.name, rank: 0 };
    if (request.needs !== undefined && lacksSkill(prospect, request.needs, context.catalog)) {
      return "lacks_capability";
    }
  }
  if (scope === "all" && !supportsPath(endpoint, request, context)) return "lacks_path";
  return model === undefined ? "lacks_path" : "model_missing";
}

/** Undefined where names restrict nothing. */
function placesAskedFor({ request, context }: DecidedRoute): readonly ModelPlaceInView[] | undefined {
  const { model } = request;
  if (model === undefined || !context.isModelRoutingOn) return undefined;
  const alias = context.aliases.find(model);
  const names = alias === undefined ? [model] : targetNames(alias);
  return names.flatMap((name) => context.catalog.placesOf(name));
}

function targetNames({ steps }: Alias): readonly string[] {
  return steps.flatMap(({ targets }) => targets.map((target) => target.model));
}
