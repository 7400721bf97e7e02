import type { UnifiedModel } from "../unified-model.ts";
import type { ListingContext } from "./listing-format.ts";
import { type OpenaiShape, renderOpenaiShape } from "./openai-shaped.ts";

const llamacpp: OpenaiShape = {
  platform: "llamacpp",
  owner: "llamacpp",
  // As the router says what is loaded.
  describe: ({ source }) =>
    source.model.state === undefined ? {} : { status: { value: source.model.state } },
};

/** `data` of llama.cpp's `GET /v1/models`; the `models` that it has as well say nothing more. */
export function renderLlamacppListing(models: readonly UnifiedModel[], context: ListingContext): object {
  return renderOpenaiShape(llamacpp, models, context);
}
