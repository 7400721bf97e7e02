import type { LoadedModel } from "./loaded/loaded-model.ts";
import type { Model } from "./model.ts";

/** A model that another kind of endpoint has in memory, as an entry of Ollama's `/api/ps`. */
export function describeLoaded(loaded: LoadedModel, listed: Model | undefined, endpointName: string): object {
  const contextLength = loaded.contextLength ?? listed?.maxContextLength;
  return {
    name: loaded.name,
    model: loaded.name,
    size: loaded.sizeBytes ?? listed?.sizeBytes ?? 0,
    digest: loaded.digest ?? listed?.digest ?? "",
    details: {
      parent_model: listed?.parentModel ?? "",
      format: listed?.format ?? "",
      family: listed?.family ?? "",
      families: listed?.families ?? (listed?.family === undefined ? [] : [listed.family]),
      parameter_size: listed?.parameterSize ?? "",
      quantization_level: listed?.quantization ?? "",
    },
    size_vram: loaded.sizeVramBytes ?? 0,
    ...(contextLength !== undefined && { context_length: contextLength }),
    endpoint: endpointName,
  };
}
