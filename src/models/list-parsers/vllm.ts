import * as v from "valibot";
import type { Model } from "../model.ts";
import { loosePositive, looseText, withoutUndefined } from "./wire-fields.ts";

const entrySchema = v.looseObject({
  id: looseText,
  owned_by: looseText,
  parent: looseText,
  max_model_len: loosePositive,
});

/**
 * One entry of `data` of vLLM's `GET /v1/models`; `undefined` without an id. vLLM puts the time of the answer into
 * `created`: it says nothing of the model and would change every list we make of it.
 */
export function parseVllmEntry(entry: unknown): Model | undefined {
  const parsed = v.safeParse(entrySchema, entry);
  if (!parsed.success || parsed.output.id === undefined) return undefined;
  const wire = parsed.output;
  return {
    name: parsed.output.id,
    ...withoutUndefined({
      publisher: wire.owned_by === "vllm" ? undefined : wire.owned_by,
      parentModel: wire.parent,
      maxContextLength: wire.max_model_len,
    }),
  };
}
