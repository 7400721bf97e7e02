import type { Candidate, Candidates } from "../balancer/balancer.ts";
import type { Endpoint } from "../endpoints/endpoint.ts";
import { takesRequests } from "../endpoints/endpoint-status.ts";
import { OllaError } from "../errors.ts";
import type { Alias, AliasTable } from "../models/alias.ts";
import { withoutLatest } from "../models/unify.ts";
import type { Outcome, RoutingDecision } from "../observe/outcome.ts";
import { type Profile, servesOpenaiClients } from "../profiles/profile.ts";
import { preferCapable, type RequestNeeds, type SkillsView } from "./capability.ts";
import {
  filteredModel,
  type ListedNames,
  noHealthyEndpoints,
  unavailableModel,
  unknownModel,
} from "./model-refusals.ts";
import { openaiCompatibleKind, type PathSupport } from "./path-support.ts";
import {
  type EndpointInView,
  type Prospect,
  prospectsAt,
  prospectsByTrust,
  toCandidate,
} from "./prospect.ts";
import { guessAlias, type ResolvedAlias, resolveAlias } from "./resolve-alias.ts";
import type { ModelWhereabouts, RefreshOutcome, RoutingStrategy } from "./routing-strategy.ts";

/** What routing asks of the model catalog. */
export interface CatalogView extends ListedNames, SkillsView {}

export interface RouteRequest {
  /** The client's spelling. */
  readonly model: string | undefined;
  readonly scope: Profile | "all";
  /** Behind the route's prefix. */
  readonly upstreamPath: string;
  /** Kinds that can answer besides those that list the path; undefined: none. */
  readonly answersOtherwise?: ((profile: Profile) => boolean) | undefined;
  readonly needs?: RequestNeeds;
  /** What came of asking the endpoints, after a `RefreshNeeded`. */
  readonly refreshed?: RefreshOutcome | undefined;
}

export interface RouteContext {
  /** In configuration order. */
  readonly endpoints: readonly EndpointInView[];
  readonly catalog: CatalogView;
  readonly aliases: AliasTable;
  readonly pathSupport: PathSupport;
  readonly strategy: RoutingStrategy;
  /** False when models are not discovered: then names restrict nothing. */
  readonly isModelRoutingOn: boolean;
}

export interface Route {
  /** In configuration order, by rank. */
  readonly candidates: Candidates;
  /** Undefined when no model had a say. */
  readonly decision: RoutingDecision | undefined;
  /** Says when asked what became of every endpoint; see `explainRoute`. */
  readonly considered?: Outcome["considered"];
}

export interface Rejection {
  readonly error: OllaError;
  readonly decision: RoutingDecision | undefined;
  readonly considered?: Outcome["considered"];
}

/** Nobody is known to have the model: read the endpoints' lists, then ask again with what came of it. */
export interface RefreshNeeded {
  readonly isRefreshNeeded: true;
  readonly decision: undefined;
}

/** A request on its way through `route`: who is within its reach, and who of them may be sent to. */
interface Question {
  readonly request: RouteRequest;
  readonly context: RouteContext;
  readonly inScope: readonly EndpointInView[];
  readonly usable: readonly EndpointInView[];
}

interface NamedQuestion extends Question {
  readonly model: string;
}

/**
 * Who may answer. First the route's reach, then health, then the model, by alias or by name, then what it can do, then
 * the path. The path comes last and only ever prefers: an endpoint that has the model is better placed to refuse a path
 * than we are.
 */
export function route(request: RouteRequest, context: RouteContext): Route | Rejection | RefreshNeeded {
  const { scope } = request;
  const model = meantModel(request, context);
  const inScope =
    scope === "all"
      ? context.endpoints
      : context.endpoints.filter(({ endpoint }) => isInScope(endpoint.profile, scope));
  if (inScope.length === 0 && scope !== "all") {
    return reject(new OllaError("provider_not_configured", `no ${scope.displayName} endpoint is configured`));
  }
  const usable = inScope.filter(takesRequests);
  if (usable.length === 0) {
    return reject(
      noHealthyEndpoints(scope, inScope),
      request.refreshed === undefined ? undefined : lostMeanwhile,
    );
  }
  const question: Question = { request, context, inScope, usable };
  if (model === undefined) return accept(prospectsByTrust(usable), question, undefined);
  const named = { ...question, model };
  const alias = context.aliases.find(model);
  return alias === undefined ? routeName(named) : routeAlias(alias, named);
}

/** Clients of Ollama may add `:latest` to a name that other kinds of endpoints know without it. */
function meantModel({ model, upstreamPath }: RouteRequest, { catalog, aliases }: RouteContext) {
  const isKnown = (name: string) => aliases.find(name) !== undefined || catalog.placesOf(name).length > 0;
  if (model === undefined || !upstreamPath.startsWith("/api/") || isKnown(model)) return model;
  const bare = withoutLatest(model);
  return isKnown(bare) ? bare : model;
}

const lostMeanwhile: RoutingDecision = {
  strategy: "discovery",
  action: "rejected",
  reason: "no_healthy_after_discovery",
};

function routeName(question: NamedQuestion): ReturnType<typeof route> {
  const { model, inScope, usable, context } = question;
  if (context.isModelRoutingOn) {
    return askStrategy(question, undefined, {
      unread: () => prospectsByTrust(admitting(model, unreadOf(question))),
      usable: () => prospectsByTrust(admitting(model, usable)),
    });
  }
  const admitted = admitting(model, usable);
  if (admitted.length > 0) return accept(prospectsByTrust(admitted), question, undefined);
  if (admitting(model, inScope).length > 0)
    return reject(unavailableModel({ model, alias: undefined, inScope }));
  return reject(filteredModel(question.model));
}

/** An alias comes before a model of its name. Where none of its models is known it is taken for a model's name itself. */
function routeAlias(alias: Alias, question: NamedQuestion): ReturnType<typeof route> {
  const { inScope, usable, context } = question;
  const { catalog } = context;
  if (!context.isModelRoutingOn) return routeAliasBlindly(alias, question);
  const isUnread = ({ endpoint }: EndpointInView) => catalog.lastUpdatedAt(endpoint.name) === undefined;
  const { prospects, isKnown }: ResolvedAlias = resolveAlias(alias, { inScope, usable, catalog, isUnread });
  if (prospects.length > 0) return accept(prospects, question, resolvedTo(alias, prospects));
  const unread = () => guessAlias(alias, unreadOf(question));
  if (!isKnown) return askStrategy(question, alias, { unread, usable: () => guessAlias(alias, usable) });
  const guesses = unread();
  return guesses.length > 0
    ? accept(guesses, question, guessedAlias)
    : reject(unavailableModel({ model: question.model, alias, inScope: question.inScope }), refusedAlias);
}

/** Nothing is known of anybody's models: only health, the alias itself and the model filters say who may be asked. */
function routeAliasBlindly(alias: Alias, question: NamedQuestion): Route | Rejection {
  const guesses = guessAlias(alias, question.usable);
  if (guesses.length > 0) return accept(guesses, question, resolvedTo(alias, guesses));
  if (guessAlias(alias, question.inScope).length > 0) {
    return reject(
      unavailableModel({ model: question.model, alias, inScope: question.inScope }),
      refusedAlias,
    );
  }
  return reject(filteredModel(question.model));
}

const guessedAlias: RoutingDecision = {
  strategy: "alias",
  action: "fallback",
  reason: "models_not_read_yet",
};
const refusedAlias: RoutingDecision = { strategy: "alias", action: "rejected", reason: "model_unavailable" };

function resolvedTo({ name }: Alias, prospects: readonly Prospect[]): RoutingDecision {
  const count = new Set(prospects.map(({ endpoint }) => endpoint.name)).size;
  return {
    strategy: "alias",
    action: "routed",
    reason: `alias "${name}" resolved to ${count} endpoint(s)`,
  };
}

type Elsewhere = Pick<ModelWhereabouts<Prospect>, "unread" | "usable">;

function askStrategy(
  question: NamedQuestion,
  alias: Alias | undefined,
  elsewhere: Elsewhere,
): ReturnType<typeof route> {
  const { model, request, context, inScope, usable } = question;
  const places = context.catalog.placesOf(model);
  const isKnown = inScope.some(({ endpoint }) =>
    places.some(({ endpointName }) => endpointName === endpoint.name),
  );
  const having = prospectsAt(places, usable);
  const verdict = context.strategy({ isKnown, having, refreshed: request.refreshed, ...elsewhere });
  switch (verdict.kind) {
    case "refresh":
      return { isRefreshNeeded: true, decision: undefined };
    case "places":
      return accept(verdict.places, question, verdict.decision);
    case "rejected": {
      const { catalog, aliases } = context;
      const isUnknown = verdict.code === "model_not_found" || !isKnown;
      const error = isUnknown
        ? unknownModel(verdict.code, { model, alias, aliases, scope: request.scope, inScope, catalog })
        : unavailableModel({ model, alias, inScope });
      return reject(error, verdict.decision);
    }
  }
}

function unreadOf({ usable, context }: Question): readonly EndpointInView[] {
  return usable.filter(({ endpoint }) => context.catalog.lastUpdatedAt(endpoint.name) === undefined);
}

/** An endpoint's model filter is for the names that it lists, and as good for one that nobody has seen in a list. */
function admitting(model: string, endpoints: readonly EndpointInView[]): readonly EndpointInView[] {
  return endpoints.filter(({ endpoint }) => endpoint.admitsModel(model));
}

export function isInScope(profile: Profile, scope: Profile): boolean {
  if (profile.name === scope.name) return true;
  return scope.name === openaiCompatibleKind && servesOpenaiClients(profile);
}

/** A route of one kind has chosen already; elsewhere, of equals, those whose kind answers the path, if there is one. */
function preferByPath(
  prospects: readonly Prospect[],
  request: RouteRequest,
  context: RouteContext,
): readonly Prospect[] {
  if (request.scope !== "all" || prospects.length === 1) return prospects;
  if (context.pathSupport.supportedBy(request.upstreamPath) === undefined) return prospects;
  const isSupporting = ({ endpoint }: Prospect) => supportsPath(endpoint, request, context);
  const ranks = new Set<number>();
  for (const prospect of prospects) if (isSupporting(prospect)) ranks.add(prospect.rank);
  return prospects.filter((prospect) => isSupporting(prospect) || !ranks.has(prospect.rank));
}

/** Whether the endpoint's kind is known to answer the path, or no kind is. */
export function supportsPath(
  endpoint: Endpoint,
  { upstreamPath, answersOtherwise }: RouteRequest,
  { pathSupport }: RouteContext,
): boolean {
  const supporting = pathSupport.supportedBy(upstreamPath);
  return (
    supporting === undefined ||
    endpoint.isAutoDetected ||
    supporting.has(endpoint.profile.name) ||
    answersOtherwise?.(endpoint.profile) === true
  );
}

function accept(
  prospects: readonly Prospect[],
  { request, context }: Question,
  decision: RoutingDecision | undefined,
): Route | Rejection {
  const capable = preferCapable(prospects, request.needs, context.catalog);
  const [first, ...others] = preferByPath(capable, request, context).map(
    (prospect): Candidate => toCandidate(prospect, request.model),
  );
  if (first === undefined) return reject(noHealthyEndpoints(request.scope), decision);
  return { candidates: [first, ...others], decision };
}

function reject(error: OllaError, decision?: RoutingDecision): Rejection {
  return { error, decision };
}
