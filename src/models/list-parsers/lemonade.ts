import * as v from "valibot";
import type { Model, ModelType } from "../model.ts";
import { skillsByType } from "./stated-skills.ts";
import { looseText, looseTexts, unreadFields, withoutUndefined } from "./wire-fields.ts";

const entrySchema = v.looseObject({
  id: looseText,
  checkpoint: looseText,
  recipe: looseText,
  downloaded: v.fallback(v.optional(v.boolean()), undefined),
  labels: looseTexts,
});

/** `created` is the same number for every model there is. */
const readNames: ReadonlySet<string> = new Set([
  "id",
  "object",
  "created",
  "owned_by",
  "checkpoint",
  "recipe",
  "downloaded",
]);

/** One entry of `data` of Lemonade's `GET /api/v1/models`; `undefined` without an id. */
export function parseLemonadeEntry(entry: unknown): Model | undefined {
  const parsed = v.safeParse(entrySchema, entry);
  if (!parsed.success || parsed.output.id === undefined) return undefined;
  const wire = parsed.output;
  const type = typeByLabels(wire.labels);
  return {
    name: parsed.output.id,
    ...withoutUndefined({
      type,
      publisher: ownerOfCheckpoint(wire.checkpoint),
      format: formatByRecipe(wire.recipe),
      state: stateByDownload(wire.downloaded),
      capabilities: wire.labels,
      statedSkills: skillsByType(type, wire.labels),
      checkpoint: wire.checkpoint,
      recipe: wire.recipe,
      nativeFields: unreadFields(wire, readNames),
    }),
  };
}

function typeByLabels(labels: readonly string[] | undefined): ModelType | undefined {
  if (labels?.includes("vision")) return "vlm";
  return labels?.includes("embeddings") ? "embeddings" : undefined;
}

function ownerOfCheckpoint(checkpoint: string | undefined): string | undefined {
  const slash = checkpoint?.indexOf("/") ?? -1;
  return slash > 0 ? checkpoint?.slice(0, slash) : undefined;
}

function formatByRecipe(recipe: string | undefined): string | undefined {
  if (recipe?.startsWith("oga-")) return "onnx";
  return recipe === "llamacpp" || recipe === "flm" ? "gguf" : undefined;
}

function stateByDownload(isDownloaded: boolean | undefined): string | undefined {
  if (isDownloaded === undefined) return undefined;
  return isDownloaded ? "available" : "not-downloaded";
}
