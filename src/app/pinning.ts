import { routePinned } from "../pipeline/pinned-route.ts";
import type { PipelineContext } from "../pipeline/pipeline.ts";
import type { Fleet } from "./fleet.ts";

type PinnableStages = Pick<PipelineContext, "route" | "beginSticky">;

/** The stages that would choose an endpoint, for requests too whose client has named one. */
export function withPins<Stages extends PinnableStages>(stages: Stages, { registry }: Fleet): Stages {
  const pinnable: PinnableStages = {
    route: (exchange, inspection, refreshed) =>
      exchange.pinnedEndpoint === undefined
        ? stages.route(exchange, inspection, refreshed)
        : routePinned(exchange.pinnedEndpoint, inspection.model, registry.snapshot()),
    // No conversation should follow its client to where it has once pulled a model.
    beginSticky: (exchange, inspection) =>
      exchange.pinnedEndpoint === undefined ? stages.beginSticky(exchange, inspection) : undefined,
  };
  return { ...stages, ...pinnable };
}
