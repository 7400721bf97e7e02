import type { ListFormat } from "../../profiles/profile.ts";
import type { UnifiedModel } from "../unified-model.ts";
import { createdSeconds, type ListedModel, listNames, nativeFieldsOf, ownerOf } from "./listed-model.ts";
import type { ListingContext } from "./listing-format.ts";

/** How the lists of one program differ from OpenAI's. */
export interface OpenaiShape {
  /** `ModelSource.platform` of that program's endpoints. */
  readonly platform: string;
  readonly format: ListFormat;
  /** `owned_by` of models whose name tells no maker. */
  readonly owner: string;
  /** Further members of an entry. `created` is in Unix seconds. */
  readonly describe?: (listed: ListedModel, created: number) => object;
}

/** A list of `data[].id`, with all that the program's own endpoints said of their models. */
export function renderOpenaiShape(
  shape: OpenaiShape,
  models: readonly UnifiedModel[],
  context: ListingContext,
): object {
  const data = listNames(models, shape.platform).map((listed) => {
    const { id, source } = listed;
    const created = createdSeconds(source, context);
    return {
      ...nativeFieldsOf(source, shape.format),
      id,
      object: "model",
      created,
      owned_by: ownerOf(id, shape.owner),
      ...shape.describe?.(listed, created),
    };
  });
  return { object: "list", data };
}

/** Where a model comes from and how long its context is, as vLLM says it. The root of an alias is a model. */
export function describeOrigin({ source, model }: ListedModel): object {
  const parent = source.model.parentModel;
  const contextLength = source.model.maxContextLength ?? model.maxContextLength;
  return {
    root: source.model.name,
    ...(parent === undefined ? {} : { parent }),
    ...(contextLength === undefined ? {} : { max_model_len: contextLength }),
  };
}

export function permissionFor(id: string, created: number): object {
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
