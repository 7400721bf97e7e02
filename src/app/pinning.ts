import { routePinned } from "../pipeline/pinned-route.ts";
import type { PipelineContext } from "../pipeline/pipeline.ts";
import type { Tiers } from "./tiers.ts";

type PinnableStages = Pick<PipelineContext, "route" | "beginSticky">;

/** The stages that would choose an endpoint, for requests too whose client has named one. */
export function withPins<Stages extends PinnableStages>(stages: Stages, tiers: Tiers): Stages {
  const pinnable: PinnableStages = {
    route: (exchange, inspection, refreshed) => {
      const { pinnedEndpoint } = exchange;
      if (pinnedEndpoint === undefined) return stages.route(exchange, inspection, refreshed);
      return tiers.routeWithin(exchange, (endpoints) =>
        routePinned(pinnedEndpoint, inspection.model, endpoints),
      );
    },
    // No conversation should follow its client to where it has once pulled a model.
    beginSticky: (exchange, inspection) =>
      exchange.pinnedEndpoint === undefined ? stages.beginSticky(exchange, inspection) : undefined,
  };
  return { ...stages, ...pinnable };
}
