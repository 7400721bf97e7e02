import type { UnifiedModel } from "../unified-model.ts";
import type { ListingContext } from "./listing-format.ts";
import { type OpenaiShape, renderOpenaiShape } from "./openai-shaped.ts";

const dockerModelRunner: OpenaiShape = {
  platform: "dockermodelrunner",
  format: "docker-model-runner",
  owner: "docker",
};

/** `GET /engines/v1/models` of Docker Model Runner. */
export function renderDockerModelRunnerListing(
  models: readonly UnifiedModel[],
  context: ListingContext,
): object {
  return renderOpenaiShape(dockerModelRunner, models, context);
}
