import type { Candidate, Candidates } from "../balancer/balancer.ts";
import type { Endpoint } from "../endpoints/endpoint.ts";
import { type EndpointStatus, isRoutable } from "../endpoints/endpoint-status.ts";
import { OllaError } from "../errors.ts";
import type { RoutingDecision } from "../observe/outcome.ts";
import type { Profile } from "../profiles/profile.ts";
import { openaiCompatibleKind, type PathSupport } from "./path-support.ts";
import type { RoutingStrategy } from "./routing-strategy.ts";

/** One entry of the endpoint registry's snapshot. */
export interface EndpointInView {
  readonly endpoint: Endpoint;
  readonly health: { readonly status: EndpointStatus };
}

/** What routing asks of the model catalog. */
export interface CatalogView {
  /** Every endpoint that has the model, whatever its health; the name in any case. */
  placesOf(modelName: string): readonly { readonly endpointName: string }[];
  nearest(modelName: string, limit: number): readonly string[];
  /** Undefined for an endpoint whose list was never read. */
  lastUpdatedAt(endpointName: string): number | undefined;
}

export interface RouteRequest {
  /** The client's spelling. */
  readonly model: string | undefined;
  readonly scope: Profile | "all";
  /** Behind the route's prefix. */
  readonly upstreamPath: string;
}

export interface RouteContext {
  /** In configuration order. */
  readonly endpoints: readonly EndpointInView[];
  readonly catalog: CatalogView;
  readonly pathSupport: PathSupport;
  readonly strategy: RoutingStrategy;
  /** False when models are not discovered: then names restrict nothing. */
  readonly isModelRoutingOn: boolean;
}

export interface Route {
  /** In configuration order. */
  readonly candidates: Candidates;
  /** Undefined when no model had a say. */
  readonly decision: RoutingDecision | undefined;
}

export interface Rejection {
  readonly error: OllaError;
  readonly decision: RoutingDecision | undefined;
}

const suggestionLimit = 3;
/** Of which the first few are suggested that this route can serve. */
const consideredNames = 50;
const maxShownName = 200;

/**
 * Who may answer. First the route's reach, then health, then the model, then the path. The path comes last and only
 * ever prefers: an endpoint that has the model is better placed to refuse a path than we are.
 */
export function route(request: RouteRequest, context: RouteContext): Route | Rejection {
  const { model, scope } = request;
  const inScope =
    scope === "all"
      ? context.endpoints
      : context.endpoints.filter(({ endpoint }) => isInScope(endpoint.profile, scope));
  if (inScope.length === 0 && scope !== "all") {
    return reject(new OllaError("provider_not_configured", `no ${scope.displayName} endpoint is configured`));
  }
  const usable = inScope.filter(({ health }) => isRoutable(health.status));
  if (usable.length === 0) return reject(noHealthyEndpoints(scope));
  if (model === undefined || !context.isModelRoutingOn) {
    return accept(preferByPath(usable, request, context), request, undefined);
  }

  const places = context.catalog.placesOf(model);
  const hasModel = ({ endpoint }: EndpointInView) =>
    places.some((place) => place.endpointName === endpoint.name);
  const verdict = context.strategy({
    isKnown: inScope.some(hasModel),
    having: usable.filter(hasModel),
    unread: usable.filter(({ endpoint }) => context.catalog.lastUpdatedAt(endpoint.name) === undefined),
    usable,
  });
  if ("code" in verdict) {
    const message =
      verdict.code === "model_not_found"
        ? describeUnknown(model, scope, inScope, context.catalog)
        : describeUnavailable(model);
    return reject(new OllaError(verdict.code, message, { field: "model" }), verdict.decision);
  }
  return accept(preferByPath(verdict.places, request, context), request, verdict.decision);
}

function isInScope(profile: Profile, scope: Profile): boolean {
  if (profile.name === scope.name) return true;
  return scope.name === openaiCompatibleKind && profile.openaiCompatible;
}

/** A route of one kind has chosen already; elsewhere the endpoints whose kind answers the path, if there is one. */
function preferByPath(
  places: readonly EndpointInView[],
  { scope, upstreamPath }: RouteRequest,
  { pathSupport }: RouteContext,
): readonly EndpointInView[] {
  if (scope !== "all" || places.length === 1) return places;
  const supporting = pathSupport.supportedBy(upstreamPath);
  if (supporting === undefined) return places;
  const preferred = places.filter(
    ({ endpoint }) => endpoint.isAutoDetected || supporting.has(endpoint.profile.name),
  );
  return preferred.length > 0 ? preferred : places;
}

function accept(
  places: readonly EndpointInView[],
  { model, scope }: RouteRequest,
  decision: RoutingDecision | undefined,
): Route | Rejection {
  const [first, ...others] = places.map(
    ({ endpoint, health }): Candidate => ({ endpoint, status: health.status, model }),
  );
  if (first === undefined) return reject(noHealthyEndpoints(scope), decision);
  return { candidates: [first, ...others], decision };
}

function reject(error: OllaError, decision?: RoutingDecision): Rejection {
  return { error, decision };
}

function noHealthyEndpoints(scope: Profile | "all"): OllaError {
  const kind = scope === "all" ? "" : ` of kind ${scope.name}`;
  return new OllaError("no_healthy_endpoints", `no healthy endpoints available${kind}`);
}

function describeUnknown(
  model: string,
  scope: Profile | "all",
  inScope: readonly EndpointInView[],
  catalog: CatalogView,
): string {
  const who = scope === "all" ? "no endpoint has" : `no ${scope.displayName} endpoint has`;
  const asked = model.toLowerCase();
  const names = new Set(inScope.map(({ endpoint }) => endpoint.name));
  // On a route of one kind the catalog also knows names, this one perhaps among them, that only other kinds have.
  const isHere = (name: string) =>
    name.toLowerCase() !== asked &&
    catalog.placesOf(name).some(({ endpointName }) => names.has(endpointName));
  const nearest = catalog.nearest(model, consideredNames).filter(isHere).slice(0, suggestionLimit);
  const hint = nearest.length === 0 ? "" : `; nearest: ${nearest.map((name) => `"${name}"`).join(", ")}`;
  const unread = inScope.filter(({ endpoint }) => catalog.lastUpdatedAt(endpoint.name) === undefined);
  const doubt =
    unread.length === 0
      ? ""
      : `; not known yet are the models of ${unread.map(({ endpoint, health }) => `"${endpoint.name}" (${health.status})`).join(", ")}`;
  return `model "${shorten(model)}" not found: ${who} it${hint}${doubt}`;
}

function describeUnavailable(model: string): string {
  return `model "${shorten(model)}" is not available now: no healthy endpoint has it`;
}

/** Whatever was sent as a name is repeated in answers and logs. */
function shorten(model: string): string {
  return model.length > maxShownName ? `${model.slice(0, maxShownName)}…` : model;
}
