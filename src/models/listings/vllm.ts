import type { UnifiedModel } from "../unified-model.ts";
import type { ListingContext } from "./listing-format.ts";
import { describeOrigin, type OpenaiShape, permissionFor, renderOpenaiShape } from "./openai-shaped.ts";

const vllm: OpenaiShape = {
  platform: "vllm",
  format: "vllm",
  owner: "vllm",
  describe: (listed, created) => ({
    ...describeOrigin(listed),
    permission: [permissionFor(listed.id, created)],
  }),
};

const vllmMlx: OpenaiShape = { platform: "vllmmlx", format: "vllm-mlx", owner: "vllm-mlx" };

/** `GET /v1/models` of vLLM. */
export function renderVllmListing(models: readonly UnifiedModel[], context: ListingContext): object {
  return renderOpenaiShape(vllm, models, context);
}

/** `GET /v1/models` of vLLM-MLX. */
export function renderVllmMlxListing(models: readonly UnifiedModel[], context: ListingContext): object {
  return renderOpenaiShape(vllmMlx, models, context);
}
