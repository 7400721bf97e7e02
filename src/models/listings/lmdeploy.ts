import type { UnifiedModel } from "../unified-model.ts";
import type { ListingContext } from "./listing-format.ts";
import { type OpenaiShape, permissionFor, renderOpenaiShape } from "./openai-shaped.ts";

const lmdeploy: OpenaiShape = {
  platform: "lmdeploy",
  format: "lmdeploy",
  owner: "lmdeploy",
  describe: ({ id, source }, created) => {
    const parent = source.model.parentModel;
    return { ...(parent === undefined ? {} : { parent }), permission: [permissionFor(id, created)] };
  },
};

/** `GET /v1/models` of LMDeploy. */
export function renderLmdeployListing(models: readonly UnifiedModel[], context: ListingContext): object {
  return renderOpenaiShape(lmdeploy, models, context);
}
