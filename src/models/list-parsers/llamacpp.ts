import * as v from "valibot";
import type { Model } from "../model.ts";
import { parseOpenaiEntry } from "./openai.ts";
import { unreadFields, withoutUndefined } from "./wire-fields.ts";

/** In router mode `status` has the command line of each model's process, which may hold a key: it is not kept. */
const readNames: ReadonlySet<string> = new Set(["id", "object", "created", "owned_by", "status"]);

const recordSchema = v.record(v.string(), v.unknown());

/**
 * One entry of `data` of llama.cpp's `GET /v1/models`; `undefined` without an id. The `models` beside it say the same
 * in Ollama's form, with most members empty.
 */
export function parseLlamacppEntry(entry: unknown): Model | undefined {
  const model = parseOpenaiEntry(entry);
  const wire = v.safeParse(recordSchema, entry);
  if (model === undefined || !wire.success) return undefined;
  const nativeFields = unreadFields(wire.output, readNames);
  return { ...model, format: "gguf", ...withoutUndefined({ nativeFields }) };
}
