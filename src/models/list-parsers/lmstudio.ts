import * as v from "valibot";
import type { Model, ModelType } from "../model.ts";
import { skillsByType } from "./stated-skills.ts";
import { loosePositive, looseText, looseTexts, unreadFields, withoutUndefined } from "./wire-fields.ts";

const entrySchema = v.looseObject({
  id: looseText,
  type: looseText,
  publisher: looseText,
  arch: looseText,
  compatibility_type: looseText,
  quantization: looseText,
  state: looseText,
  max_context_length: loosePositive,
  capabilities: looseTexts,
});

const types: ReadonlyMap<string, ModelType> = new Map([
  ["llm", "llm"],
  ["vlm", "vlm"],
  ["embedding", "embeddings"],
  ["embeddings", "embeddings"],
]);

const readNames: ReadonlySet<string> = new Set([...Object.keys(entrySchema.entries), "object"]);

/** One entry of `data` of `GET /api/v0/models`; `undefined` without an id. */
export function parseLmstudioEntry(entry: unknown): Model | undefined {
  const parsed = v.safeParse(entrySchema, entry);
  if (!parsed.success || parsed.output.id === undefined) return undefined;
  const wire = parsed.output;
  const type = wire.type === undefined ? undefined : types.get(wire.type.toLowerCase());
  return {
    name: parsed.output.id,
    ...withoutUndefined({
      type,
      publisher: wire.publisher,
      parentModel: wire.publisher,
      family: wire.arch,
      families: wire.arch === undefined ? undefined : [wire.arch],
      format: wire.compatibility_type,
      quantization: wire.quantization,
      state: wire.state,
      maxContextLength: wire.max_context_length,
      capabilities: wire.capabilities,
      statedSkills: skillsByType(type, wire.capabilities),
      nativeFields: unreadFields(wire, readNames),
    }),
  };
}
