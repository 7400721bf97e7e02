import type { UnifiedModel } from "../unified-model.ts";
import { createdSeconds, listNames, ownerOf } from "./listed-model.ts";
import type { ListingContext } from "./listing-format.ts";

/** `GET /v1/models` of vLLM. */
export function renderVllmListing(models: readonly UnifiedModel[], context: ListingContext): object {
  return {
    object: "list",
    data: listNames(models, "vllm").map(({ id, source, model }) => {
      const created = createdSeconds(source, context);
      const parent = source.model.parentModel;
      const contextLength = source.model.maxContextLength ?? model.maxContextLength;
      return {
        id,
        object: "model",
        created,
        owned_by: ownerOf(id, "vllm"),
        root: id,
        ...(parent === undefined ? {} : { parent }),
        ...(contextLength === undefined ? {} : { max_model_len: contextLength }),
        permission: [permissionFor(id, created)],
      };
    }),
  };
}

function permissionFor(id: string, created: number): object {
  return {
    id: `modelperm-olla-${id.replaceAll("/", "-")}`,
    object: "model_permission",
    created,
    allow_create_engine: false,
    allow_sampling: true,
    allow_logprobs: true,
    allow_search_indices: false,
    allow_view: true,
    allow_fine_tuning: false,
    organization: "*",
    group: null,
    is_blocking: false,
  };
}
