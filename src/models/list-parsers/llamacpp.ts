import * as v from "valibot";
import type { Model } from "../model.ts";
import { parseOpenaiEntry } from "./openai.ts";
import { looseTexts, unreadFields, withoutUndefined } from "./wire-fields.ts";

/** In router mode `status` has the command line of each model's process, which may hold a key: it is not kept. */
const readNames: ReadonlySet<string> = new Set(["id", "object", "created", "owned_by", "status"]);

const recordSchema = v.record(v.string(), v.unknown());

const ollamaFormSchema = v.object({
  models: v.array(v.object({ name: v.string(), capabilities: looseTexts })),
});

/**
 * Adds what only `models` says, the same list in Ollama's form beside `data`: `multimodal` stands for images or sound,
 * and its absence for neither.
 */
export function addLlamacppCapabilities(models: readonly Model[], top: unknown): readonly Model[] {
  const parsed = v.safeParse(ollamaFormSchema, top);
  if (!parsed.success) return models;
  const byName = new Map(parsed.output.models.map(({ name, capabilities }) => [name, capabilities]));
  return models.map((model) => {
    const capabilities = byName.get(model.name);
    if (capabilities === undefined || model.statedSkills?.vision !== undefined) return model;
    return {
      ...model,
      statedSkills: { ...model.statedSkills, vision: capabilities.includes("multimodal") },
    };
  });
}

/** One entry of `data` of llama.cpp's `GET /v1/models`; `undefined` without an id. */
export function parseLlamacppEntry(entry: unknown): Model | undefined {
  const model = parseOpenaiEntry(entry);
  const wire = v.safeParse(recordSchema, entry);
  if (model === undefined || !wire.success) return undefined;
  const nativeFields = unreadFields(wire.output, readNames);
  return { ...model, format: "gguf", ...withoutUndefined({ nativeFields }) };
}
