import { type ErrorCode, OllaError } from "../errors.ts";
import type { Alias, AliasTable } from "../models/alias.ts";
import type { Profile } from "../profiles/profile.ts";
import type { EndpointInView, PlacesView } from "./prospect.ts";
import { nearestAliases } from "./resolve-alias.ts";

/** What is told about a model that a request cannot have. */
export interface RefusedModel {
  /** As the client asked for it. */
  readonly model: string;
  /** Whose name it is, if it is one's. */
  readonly alias: Alias | undefined;
  readonly aliases: AliasTable;
  readonly scope: Profile | "all";
  readonly inScope: readonly EndpointInView[];
  readonly catalog: ListedNames;
}

export interface ListedNames extends PlacesView {
  nearest(modelName: string, limit: number): readonly string[];
  /** Undefined for an endpoint whose list was never read. */
  lastUpdatedAt(endpointName: string): number | undefined;
}

const suggestionLimit = 3;
/** Of which the first few are suggested that this route can serve. */
const consideredNames = 50;
const maxShownName = 200;

/** For a name that the model filter of every endpoint keeps away. */
export function filteredModel(model: string): OllaError {
  const message = `model "${shorten(model)}" not found: the model filters leave it out everywhere`;
  return new OllaError("model_not_found", message, { field: "model" });
}

export function noHealthyEndpoints(
  scope: Profile | "all",
  inScope: readonly EndpointInView[] = [],
): OllaError {
  const kind = scope === "all" ? "" : ` of kind ${scope.name}`;
  return new OllaError(
    "no_healthy_endpoints",
    `no healthy endpoints available${kind}${drainedAmong(inScope)}`,
  );
}

/** Who would be there, had an operator not taken them out. */
function drainedAmong(inScope: readonly EndpointInView[]): string {
  const names = inScope.filter(({ isDraining }) => isDraining === true).map(({ endpoint }) => endpoint.name);
  return names.length === 0 ? "" : ` (being drained: ${quoteAll(names)})`;
}

/** That nobody has it, what is near, and whose models are not known. */
export function unknownModel(code: ErrorCode, refused: RefusedModel): OllaError {
  const { model, alias, aliases, scope, inScope, catalog } = refused;
  const targets = [...new Set(alias?.steps.flatMap((step) => step.targets.map((target) => target.model)))];
  const wanted = targets.length === 0 ? [model] : targets;
  const who = scope === "all" ? "no endpoint has" : `no ${scope.displayName} endpoint has`;
  const what =
    targets.length === 0 ? "it" : `any of the models that this alias stands for (${quoteAll(targets)})`;

  const asked = new Set([model, ...wanted].map((name) => name.toLowerCase()));
  const names = new Set(inScope.map(({ endpoint }) => endpoint.name));
  // On a route of one kind the catalog also knows names, this one perhaps among them, that only other kinds have.
  const isHere = (name: string) =>
    !asked.has(name.toLowerCase()) &&
    catalog.placesOf(name).some(({ endpointName }) => names.has(endpointName));
  const near = [
    ...nearestAliases(model, aliases, { inScope, catalog }).filter((name) => !asked.has(name.toLowerCase())),
    ...wanted.flatMap((name) => catalog.nearest(name, consideredNames).filter(isHere)),
  ];
  const nearest = [...new Set(near)].slice(0, suggestionLimit);
  const hint = nearest.length === 0 ? "" : `; nearest: ${quoteAll(nearest)}`;
  const unread = inScope.filter(({ endpoint }) => catalog.lastUpdatedAt(endpoint.name) === undefined);
  const doubt =
    unread.length === 0
      ? ""
      : `; not known yet are the models of ${unread.map(({ endpoint, health }) => `"${endpoint.name}" (${health.status})`).join(", ")}`;
  const message = `model "${shorten(model)}" not found: ${who} ${what}${hint}${doubt}`;
  return new OllaError(code, message, { field: "model" });
}

function quoteAll(names: readonly string[]): string {
  return names.map((name) => `"${name}"`).join(", ");
}

export function unavailableModel({
  model,
  alias,
  inScope,
}: Pick<RefusedModel, "model" | "alias" | "inScope">): OllaError {
  const what = alias === undefined ? "it" : "a model that this alias stands for";
  const drained = drainedAmong(inScope);
  const message = `model "${shorten(model)}" is not available now: no healthy endpoint has ${what}${drained}`;
  return new OllaError("model_unavailable", message, { field: "model" });
}

/** Whatever was sent as a name is repeated in answers and logs. */
function shorten(model: string): string {
  return model.length > maxShownName ? `${model.slice(0, maxShownName)}…` : model;
}
