import type { LoadedModel } from "./loaded/loaded-model.ts";
import type { Model } from "./model.ts";
import { standInDigest } from "./ollama-digest.ts";

/** As far away as Ollama puts it for a model that stays: without it, its command line shows `Stopping...`. */
const never = "2318-01-01T00:00:00Z";

/** A model that another kind of endpoint has in memory, as an entry of Ollama's `/api/ps`. */
export function describeLoaded(loaded: LoadedModel, listed: Model | undefined, endpointName: string): object {
  const contextLength = loaded.contextLength ?? listed?.maxContextLength;
  return {
    name: loaded.name,
    model: loaded.name,
    size: loaded.sizeBytes ?? listed?.sizeBytes ?? 0,
    digest: loaded.digest ?? listed?.digest ?? standInDigest(loaded.name),
    details: {
      parent_model: listed?.parentModel ?? "",
      format: listed?.format ?? "",
      family: listed?.family ?? "",
      families: listed?.families ?? (listed?.family === undefined ? [] : [listed.family]),
      parameter_size: listed?.parameterSize ?? "",
      quantization_level: listed?.quantization ?? "",
    },
    expires_at: loaded.expiresAt ?? never,
    size_vram: loaded.sizeVramBytes ?? 0,
    ...(contextLength !== undefined && { context_length: contextLength }),
    endpoint: endpointName,
  };
}
