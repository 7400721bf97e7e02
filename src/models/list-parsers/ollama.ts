import * as v from "valibot";
import type { Model } from "../model.ts";
import { skillsByOllama } from "./stated-skills.ts";
import {
  loosePositive,
  looseRecord,
  looseText,
  looseTexts,
  parseTime,
  typeByCapabilities,
  withoutUndefined,
} from "./wire-fields.ts";

const entrySchema = v.looseObject({
  name: looseText,
  model: looseText,
  description: looseText,
  size: loosePositive,
  digest: looseText,
  modified_at: looseText,
  capabilities: looseTexts,
  details: looseRecord({
    parent_model: looseText,
    format: looseText,
    family: looseText,
    families: looseTexts,
    parameter_size: looseText,
    quantization_level: looseText,
    context_length: loosePositive,
  }),
});

/** One entry of `models` of `GET /api/tags`; `undefined` without a name. */
export function parseOllamaEntry(entry: unknown): Model | undefined {
  const parsed = v.safeParse(entrySchema, entry);
  if (!parsed.success) return undefined;
  const wire = parsed.output;
  const name = wire.name ?? wire.model;
  if (name === undefined) return undefined;
  const details = wire.details;
  return {
    name,
    ...withoutUndefined({
      type: typeByCapabilities(wire.capabilities),
      description: wire.description,
      sizeBytes: wire.size,
      digest: wire.digest,
      modifiedAt: parseTime(wire.modified_at),
      capabilities: wire.capabilities,
      statedSkills: skillsByOllama(wire.capabilities),
      family: details?.family,
      families: details?.families,
      format: details?.format,
      parentModel: details?.parent_model,
      parameterSize: details?.parameter_size,
      quantization: details?.quantization_level,
      maxContextLength: details?.context_length,
    }),
  };
}
