import { compareText } from "../models/unify.ts";
import type { EndpointView } from "./dependencies.ts";

/** As every status route lists endpoints: highest priority first, then healthy ones, then by name. */
export function inDisplayOrder(views: readonly EndpointView[]): readonly EndpointView[] {
  return views.toSorted(
    (left, right) =>
      right.endpoint.priority - left.endpoint.priority ||
      healthRank(left) - healthRank(right) ||
      compareText(left.endpoint.name, right.endpoint.name) ||
      compareText(left.endpoint.id, right.endpoint.id),
  );
}

function healthRank({ health }: EndpointView): number {
  return health.status === "healthy" ? 0 : 1;
}
