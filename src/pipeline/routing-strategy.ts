import type { ErrorCode } from "../errors.ts";
import type { RoutingDecision } from "../observe/outcome.ts";

/** Whether the endpoints' lists could be read anew for this request. */
export type RefreshOutcome = "done" | "failed";

/** What is known about where a model is, when a strategy decides. `Place` is whatever the caller chooses among. */
export interface ModelWhereabouts<Place> {
  /** Somebody within the route's reach has the model, usable now or not. */
  readonly isKnown: boolean;
  /** Usable now, and known to have the model. */
  readonly having: readonly Place[];
  /** Usable now, and nothing was ever learned about their models. Asked for only when nobody has it. */
  readonly unread: () => readonly Place[];
  /** Usable now, whatever their models. Asked for only when nobody has it. */
  readonly usable: () => readonly Place[];
  /** Undefined while nobody has asked the endpoints for the sake of this request. */
  readonly refreshed: RefreshOutcome | undefined;
}

export type Verdict<Place> =
  | { readonly kind: "places"; readonly places: readonly Place[]; readonly decision: RoutingDecision }
  | { readonly kind: "rejected"; readonly code: ErrorCode; readonly decision: RoutingDecision }
  /** Ask the endpoints for their models and come again with what came of it. */
  | { readonly kind: "refresh" };

/** Decides where a request for a named model may go. Pure; reason codes are part of the public surface. */
export type RoutingStrategy = <Place>(where: ModelWhereabouts<Place>) => Verdict<Place>;

export type FallbackBehaviour = "compatible_only" | "none" | "all";

export interface RoutingStrategySettings {
  readonly type: "strict" | "optimistic" | "discovery";
  /** Only `all` sends a request where the model is not known to be. */
  readonly fallback: FallbackBehaviour;
  /** Whether `discovery` asks the endpoints before it gives up. */
  readonly refreshOnMiss: boolean;
}

export function createRoutingStrategy(settings: RoutingStrategySettings): RoutingStrategy {
  switch (settings.type) {
    case "strict":
      return createStrictRouting();
    case "optimistic":
      return createOptimisticRouting(settings.fallback);
    case "discovery":
      return createDiscoveryRouting(settings);
  }
}

/**
 * Only where the model is. An endpoint whose list was never read may have it, so it is asked when nobody is known to;
 * otherwise the seconds after a start would answer 404 for models that are there.
 */
function createStrictRouting(): RoutingStrategy {
  const conclude = conclusionsOf("strict");
  return ({ isKnown, having, unread }) => {
    if (having.length > 0) return conclude.routed(having, "model_found");
    return (
      conclude.fallback(unread(), "models_not_read_yet") ??
      (isKnown ? conclude.unavailable("model_unavailable") : conclude.notFound())
    );
  };
}

function createOptimisticRouting(fallback: FallbackBehaviour): RoutingStrategy {
  const conclude = conclusionsOf("optimistic");
  return ({ isKnown, having, unread, usable }) => {
    if (having.length > 0) return conclude.routed(having, "model_found");
    if (fallback === "all") {
      const anywhere = conclude.fallback(
        usable(),
        isKnown ? "all_healthy_fallback" : "model_not_found_fallback",
      );
      if (anywhere !== undefined) return anywhere;
    }
    const untried = conclude.fallback(unread(), "models_not_read_yet");
    if (untried !== undefined) return untried;
    if (!isKnown) return conclude.notFound();
    return conclude.unavailable(`model_unavailable_${restrictionOf(fallback)}`);
  };
}

function createDiscoveryRouting({ fallback, refreshOnMiss }: RoutingStrategySettings): RoutingStrategy {
  const conclude = conclusionsOf("discovery");
  const refuse = (isKnown: boolean, refreshed: RefreshOutcome | undefined) => {
    if (refreshed === "done") return conclude.unavailable("model_unavailable_after_discovery");
    if (refreshed === "failed") return conclude.unavailable(`discovery_failed_${restrictionOf(fallback)}`);
    return isKnown ? conclude.unavailable("model_unavailable_no_refresh") : conclude.notFound();
  };
  return ({ isKnown, having, unread, usable, refreshed }) => {
    if (having.length > 0) {
      return conclude.routed(having, refreshed === undefined ? "model_found_no_refresh" : "model_found");
    }
    if (refreshOnMiss && refreshed === undefined) return { kind: "refresh" };
    const reason = refreshed === "done" ? "all_healthy_after_discovery" : "discovery_failed_all_fallback";
    return (
      (refreshed !== undefined && fallback === "all" ? conclude.fallback(usable(), reason) : undefined) ??
      conclude.fallback(unread(), "models_not_read_yet") ??
      refuse(isKnown, refreshed)
    );
  };
}

/** As the reasons of refusals have it; `all` is left with nobody to fall back to. */
function restrictionOf(fallback: FallbackBehaviour): string {
  return fallback === "compatible_only" ? "compatible_only" : "no_fallback";
}

function conclusionsOf(strategy: string) {
  const decide = (action: RoutingDecision["action"], reason: string): RoutingDecision => ({
    strategy,
    action,
    reason,
  });
  const reject = (code: ErrorCode, reason: string) =>
    ({ kind: "rejected", code, decision: decide("rejected", reason) }) as const;
  return {
    routed: <Place>(places: readonly Place[], reason: string) =>
      ({ kind: "places", places, decision: decide("routed", reason) }) as const,
    /** Undefined when there is nobody to fall back to. */
    fallback: <Place>(places: readonly Place[], reason: string) =>
      places.length === 0
        ? undefined
        : ({ kind: "places", places, decision: decide("fallback", reason) } as const),
    notFound: () => reject("model_not_found", "model_not_found"),
    unavailable: (reason: string) => reject("model_unavailable", reason),
  };
}
