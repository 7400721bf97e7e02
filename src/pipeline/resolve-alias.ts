import { nearestNames } from "../lib/nearest.ts";
import type { Alias, AliasStep, AliasTable, AliasTarget } from "../models/alias.ts";
import { type EndpointInView, type PlacesView, type Prospect, placeAt } from "./prospect.ts";

/** Whom an alias may be asked of, among the endpoints within the route's reach. */
export interface AliasReach {
  /** Whatever their health. */
  readonly inScope: readonly EndpointInView[];
  readonly usable: readonly EndpointInView[];
  readonly catalog: PlacesView;
  /** Whether the endpoint's list was never read. */
  readonly isUnread: (endpoint: EndpointInView) => boolean;
}

export interface ResolvedAlias {
  /** By step, then by endpoint. */
  readonly prospects: readonly Prospect[];
  /** Some endpoint in scope has one of the targets, usable now or not. */
  readonly isKnown: boolean;
}

/** What a target is called at an endpoint, and whether the endpoint's list says so; undefined when it is not to be asked. */
type NameAt = (
  target: AliasTarget,
  endpoint: EndpointInView,
) => Pick<Prospect, "nativeName" | "targetName"> | undefined;

/**
 * The places of the targets, step after step. A target that is bound to an endpoint is taken at the operator's word
 * while that endpoint's list is not known: many that cost money list nothing.
 */
export function resolveAlias(
  alias: Alias,
  { inScope, usable, catalog, isUnread }: AliasReach,
): ResolvedAlias {
  const targets = alias.steps.flatMap((step) => step.targets);
  const placesByModel = new Map(targets.map(({ model }) => [model, catalog.placesOf(model)]));
  const nativeNameAt = ({ model, endpointName }: AliasTarget, { endpoint }: EndpointInView) => {
    if (endpointName !== undefined && endpointName !== endpoint.name) return undefined;
    return placeAt(placesByModel.get(model) ?? [], endpoint.name)?.model.name;
  };
  const prospects = collectProspects(alias, usable, (target, view) => {
    const nativeName = nativeNameAt(target, view);
    if (nativeName !== undefined) return { nativeName };
    const isBound = target.endpointName === view.endpoint.name;
    return isBound && isUnread(view) ? trust(target, view) : undefined;
  });
  return {
    prospects,
    isKnown: inScope.some((view) => targets.some((target) => nativeNameAt(target, view) !== undefined)),
  };
}

/** Aliases that somebody who typed `wanted` may have meant, of those that some endpoint in scope has a model of. */
export function nearestAliases(
  wanted: string,
  aliases: AliasTable,
  { inScope, catalog }: Pick<AliasReach, "inScope" | "catalog">,
): readonly string[] {
  const reach = { inScope, usable: [], catalog, isUnread: () => false };
  const known = aliases.all.filter((alias) => resolveAlias(alias, reach).isKnown);
  return nearestNames(
    wanted,
    known.map(({ name }) => name),
    known.length,
  );
}

/** For endpoints of which nothing is known: what they would be asked for, one after the other, until they have it. */
export function guessAlias(
  { name, steps }: Alias,
  endpoints: readonly EndpointInView[],
): readonly Prospect[] {
  const oneByOne = steps.flatMap((step): readonly AliasStep[] =>
    step.kind === "weighted" ? [step] : step.targets.map((target) => ({ ...step, targets: [target] })),
  );
  return collectProspects({ name, steps: oneByOne }, endpoints, (target, view) => {
    const isElsewhere = target.endpointName !== undefined && target.endpointName !== view.endpoint.name;
    return isElsewhere ? undefined : trust(target, view);
  });
}

function trust({ model }: AliasTarget, { endpoint }: EndpointInView): ReturnType<NameAt> {
  return endpoint.admitsModel(model) ? { nativeName: undefined, targetName: model } : undefined;
}

function collectProspects(alias: Alias, endpoints: readonly EndpointInView[], nameAt: NameAt): Prospect[] {
  const firstRanks = new Map<string, number>();
  return alias.steps.flatMap((step, rank) =>
    placesOfStep(step, endpoints, nameAt).flatMap(({ view: { endpoint, health }, target, names }) => {
      const place = `${endpoint.name}\n${names.nativeName ?? names.targetName}`;
      const firstRank = firstRanks.get(place) ?? rank;
      firstRanks.set(place, firstRank);
      // A later step has nothing to add where an earlier one asks the same endpoint for the same model.
      if (firstRank < rank) return [];
      const share = step.kind === "weighted" ? { share: target.share } : {};
      return { endpoint, health, ...names, params: target.params, rank, ...share };
    }),
  );
}

interface PlaceOfTarget {
  readonly view: EndpointInView;
  readonly target: AliasTarget;
  readonly names: NonNullable<ReturnType<NameAt>>;
}

/** An endpoint is asked for the first of the targets that it has: once in a pool, once for each share by weight. */
function placesOfStep(
  { kind, targets }: AliasStep,
  endpoints: readonly EndpointInView[],
  nameAt: NameAt,
): readonly PlaceOfTarget[] {
  return endpoints.flatMap((view) => {
    const served = new Set<unknown>();
    return targets.flatMap((target) => {
      const turn = kind === "weighted" ? target.share : kind;
      const names = served.has(turn) ? undefined : nameAt(target, view);
      if (names === undefined) return [];
      served.add(turn);
      return { view, target, names };
    });
  });
}
