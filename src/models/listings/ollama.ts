import { ollamaDetails } from "../ollama-details.ts";
import { standInDigest } from "../ollama-digest.ts";
import type { UnifiedModel } from "../unified-model.ts";
import { type ListedModel, listNames, nativeFieldsOf } from "./listed-model.ts";
import type { ListingContext } from "./listing-format.ts";

/** `GET /api/tags` of Ollama, with every field that its own clients read. */
export function renderOllamaListing(models: readonly UnifiedModel[], context: ListingContext): object {
  return { models: listNames(models, "ollama").map((listed) => renderModel(listed, context)) };
}

function renderModel({ id, source, model }: ListedModel, context: ListingContext): object {
  const native = source.model;
  const fields = nativeFieldsOf(source, "ollama");
  return {
    ...fields,
    name: id,
    model: id,
    modified_at: new Date(native.modifiedAt ?? context.processStartedAt).toISOString(),
    size: source.sizeBytes,
    digest: native.digest ?? standInDigest(id),
    details: {
      ...(isRecord(fields?.details) ? fields.details : {}),
      ...ollamaDetails(native, model),
      ...(native.maxContextLength === undefined ? {} : { context_length: native.maxContextLength }),
    },
    ...(native.capabilities === undefined ? {} : { capabilities: native.capabilities }),
  };
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}
