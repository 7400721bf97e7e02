import type { ErrorCode } from "../errors.ts";
import type { RoutingDecision } from "../observe/outcome.ts";

/** What is known about where a model is, when a strategy decides. `Place` is whatever the caller chooses among. */
export interface ModelWhereabouts<Place> {
  /** Somebody within the route's reach has the model, usable now or not. */
  readonly isKnown: boolean;
  /** Usable now, and known to have the model. */
  readonly having: readonly Place[];
  /** Usable now, and nothing was ever learned about their models. */
  readonly unread: readonly Place[];
  /** Usable now, whatever their models. */
  readonly usable: readonly Place[];
}

export type Verdict<Place> =
  | { readonly places: readonly Place[]; readonly decision: RoutingDecision }
  | { readonly code: ErrorCode; readonly decision: RoutingDecision };

/** Decides where a request for a named model may go. Pure; reason codes are part of the public surface. */
export type RoutingStrategy = <Place>(where: ModelWhereabouts<Place>) => Verdict<Place>;

/**
 * Only where the model is. An endpoint whose list was never read may have it, so it is asked when nobody is known to;
 * otherwise the seconds after a start would answer 404 for models that are there.
 */
export const strictRouting: RoutingStrategy = ({ isKnown, having, unread }) => {
  if (having.length > 0) return { places: having, decision: decisions.found };
  if (unread.length > 0) return { places: unread, decision: decisions.unread };
  if (isKnown) return { code: "model_unavailable", decision: decisions.unavailable };
  return { code: "model_not_found", decision: decisions.notFound };
};

const decisions = {
  found: { strategy: "strict", action: "routed", reason: "model_found" },
  unread: { strategy: "strict", action: "fallback", reason: "models_not_read_yet" },
  unavailable: { strategy: "strict", action: "rejected", reason: "model_unavailable" },
  notFound: { strategy: "strict", action: "rejected", reason: "model_not_found" },
} as const satisfies Record<string, RoutingDecision>;
