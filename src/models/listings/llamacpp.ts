import type { UnifiedModel } from "../unified-model.ts";
import type { ListingContext } from "./listing-format.ts";
import { type OpenaiShape, renderOpenaiShape } from "./openai-shaped.ts";

const llamacpp: OpenaiShape = {
  platform: "llamacpp",
  format: "llamacpp",
  owner: "llamacpp",
  // As the router says what is loaded and what may go in.
  describe: ({ source: { model, platform } }) => {
    const sees = platform === "llamacpp" ? model.statedSkills?.vision : undefined;
    const isShown = sees === undefined || model.nativeFields?.architecture !== undefined;
    return {
      ...(model.state === undefined ? {} : { status: { value: model.state } }),
      ...(isShown ? {} : { architecture: { input_modalities: sees ? ["text", "image"] : ["text"] } }),
    };
  },
};

/** `data` of llama.cpp's `GET /v1/models`; the `models` that it has as well say nothing more. */
export function renderLlamacppListing(models: readonly UnifiedModel[], context: ListingContext): object {
  return renderOpenaiShape(llamacpp, models, context);
}
