import type { UnifiedModel } from "../unified-model.ts";
import { renderDockerModelRunnerListing } from "./docker-model-runner.ts";
import { renderLemonadeListing } from "./lemonade.ts";
import type { ListingContext, ListingFormat } from "./listing-format.ts";
import { renderLlamacppListing } from "./llamacpp.ts";
import { renderLmdeployListing } from "./lmdeploy.ts";
import { renderLmstudioListing } from "./lmstudio.ts";
import { renderOllamaListing } from "./ollama.ts";
import { renderOpenaiListing } from "./openai.ts";
import { renderSglangListing } from "./sglang.ts";
import { renderUnifiedListing } from "./unified.ts";
import { renderVllmListing, renderVllmMlxListing } from "./vllm.ts";

const renderers = {
  unified: renderUnifiedListing,
  openai: renderOpenaiListing,
  ollama: renderOllamaListing,
  lmstudio: renderLmstudioListing,
  vllm: renderVllmListing,
  "vllm-mlx": renderVllmMlxListing,
  sglang: renderSglangListing,
  lmdeploy: renderLmdeployListing,
  llamacpp: renderLlamacppListing,
  lemonade: renderLemonadeListing,
  "docker-model-runner": renderDockerModelRunnerListing,
} as const satisfies Record<
  ListingFormat,
  (models: readonly UnifiedModel[], context: ListingContext) => object
>;

/**
 * The body of a model list, ready for `JSON.stringify`. Choose the models first (`selectModels`,
 * `selectProviderModels`); equal models give equal bytes.
 */
export function renderListing(
  format: ListingFormat,
  models: readonly UnifiedModel[],
  context: ListingContext,
): object {
  return renderers[format](models, context);
}
