import type { UnifiedModel } from "../unified-model.ts";
import type { ListingContext } from "./listing-format.ts";
import { describeOrigin, type OpenaiShape, renderOpenaiShape } from "./openai-shaped.ts";

const sglang: OpenaiShape = {
  platform: "sglang",
  format: "sglang",
  owner: "sglang",
  describe: (listed) => ({
    ...describeOrigin(listed),
    ...(listed.model.capabilities.includes("vision") ? { supports_vision: true } : {}),
  }),
};

/** `GET /v1/models` of SGLang. */
export function renderSglangListing(models: readonly UnifiedModel[], context: ListingContext): object {
  return renderOpenaiShape(sglang, models, context);
}
