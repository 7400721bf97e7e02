import type { UnifiedModel } from "../unified-model.ts";
import { createdSeconds, listNames, nativeFieldsOf } from "./listed-model.ts";
import type { ListingContext } from "./listing-format.ts";

/** `GET /v1/models` of OpenAI. */
export function renderOpenaiListing(models: readonly UnifiedModel[], context: ListingContext): object {
  return {
    object: "list",
    data: listNames(models, "openaicompatible").map(({ id, source }) => ({
      ...nativeFieldsOf(source, "openai"),
      id,
      object: "model",
      created: createdSeconds(source, context),
      owned_by: "olla",
    })),
  };
}
