import type { UnifiedModel } from "../unified-model.ts";
import type { ListingContext } from "./listing-format.ts";
import { type OpenaiShape, renderOpenaiShape } from "./openai-shaped.ts";

const lemonade: OpenaiShape = {
  platform: "lemonade",
  format: "lemonade",
  owner: "lemonade",
  describe: ({ source }) => ({
    checkpoint: source.model.checkpoint ?? "",
    recipe: source.model.recipe ?? "",
    downloaded: source.state === "available" || source.state === "loaded",
  }),
};

/** `GET /api/v1/models` of Lemonade. */
export function renderLemonadeListing(models: readonly UnifiedModel[], context: ListingContext): object {
  return renderOpenaiShape(lemonade, models, context);
}
