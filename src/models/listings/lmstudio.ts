import { labelQuantization } from "../model-attributes.ts";
import type { UnifiedModel } from "../unified-model.ts";
import { type ListedModel, listNames, nativeFieldsOf } from "./listed-model.ts";

/** `GET /api/v0/models` of LM Studio. */
export function renderLmstudioListing(models: readonly UnifiedModel[]): object {
  return { object: "list", data: listNames(models, "lmstudio").map(renderModel) };
}

function renderModel({ id, source, model }: ListedModel): object {
  const native = source.model;
  const quantization = native.quantization ?? labelQuantization(model.quantization);
  const arch = native.family ?? model.family;
  const contextLength = native.maxContextLength ?? model.maxContextLength;
  const isNative = source.platform === "lmstudio";
  return {
    ...nativeFieldsOf(source, "lmstudio"),
    id,
    object: "model",
    type: model.type ?? "llm",
    ...(model.publisher === "" ? {} : { publisher: model.publisher }),
    ...(arch === "" ? {} : { arch }),
    ...(isNative && native.format !== undefined ? { compatibility_type: native.format } : {}),
    ...(quantization === "" ? {} : { quantization }),
    state: source.state === "loaded" ? "loaded" : "not-loaded",
    ...(contextLength === undefined ? {} : { max_context_length: contextLength }),
    ...(isNative && native.capabilities !== undefined ? { capabilities: native.capabilities } : {}),
  };
}
