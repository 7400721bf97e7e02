import { isUnbound, refuseModel, withoutSuggestions } from "../pipeline/key-models.ts";
import type { PipelineContext } from "../pipeline/pipeline.ts";

/** The stages, with a look at what the client's key may use before anybody asks who has it. */
export function withKeyModels<Stages extends Pick<PipelineContext, "route">>(stages: Stages): Stages {
  const route: Stages["route"] = (exchange, inspection, refreshed) => {
    const { clientKey } = exchange;
    const error = clientKey && refuseModel(clientKey, inspection);
    if (error !== undefined) return { error, decision: undefined };
    const routed = stages.route(exchange, inspection, refreshed);
    if (clientKey === undefined || !("error" in routed) || isUnbound(clientKey)) return routed;
    return withoutSuggestions(routed, inspection.model);
  };
  return { ...stages, route };
}
