import type { Model } from "./model.ts";
import { labelQuantization } from "./model-attributes.ts";
import type { UnifiedModel } from "./unified-model.ts";

/** `details` of a model in Ollama's lists and in its `/api/show`: the backend's own words, else what the catalog knows. */
export function ollamaDetails(native: Model, model: UnifiedModel): object {
  const family = native.family ?? model.family;
  return {
    parent_model: native.parentModel ?? "",
    format: native.format ?? model.format,
    family,
    families: native.families ?? (family === "" ? [] : [family]),
    parameter_size: native.parameterSize ?? model.parameterSize,
    quantization_level: native.quantization ?? labelQuantization(model.quantization),
  };
}
