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
  unreadFields,
  withoutUndefined,
} from "./wire-fields.ts";

const detailsEntries = {
  parent_model: looseText,
  format: looseText,
  family: looseText,
  families: looseTexts,
  parameter_size: looseText,
  quantization_level: looseText,
  context_length: loosePositive,
};

const entrySchema = v.looseObject({
  name: looseText,
  model: looseText,
  description: looseText,
  size: loosePositive,
  digest: looseText,
  modified_at: looseText,
  capabilities: looseTexts,
  details: looseRecord(detailsEntries),
});

const readNames: ReadonlySet<string> = new Set(Object.keys(entrySchema.entries));
const readDetails: ReadonlySet<string> = new Set(Object.keys(detailsEntries));

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
      nativeFields: unreadOllamaFields(wire),
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

/** As they stood, those of `details` below `details`. */
function unreadOllamaFields(
  wire: v.InferOutput<typeof entrySchema>,
): Readonly<Record<string, unknown>> | undefined {
  const fields = unreadFields(wire, readNames);
  const details = wire.details === undefined ? undefined : unreadFields(wire.details, readDetails);
  return details === undefined ? fields : { ...fields, details };
}
