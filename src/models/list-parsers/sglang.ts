import * as v from "valibot";
import type { Model } from "../model.ts";
import { parseServedEntry } from "./served.ts";

const visionSchema = v.looseObject({ supports_vision: v.literal(true) });

/** One entry of `data` of SGLang's `GET /v1/models`; `undefined` without an id. */
export function parseSglangEntry(entry: unknown): Model | undefined {
  const model = parseServedEntry(entry, { programs: ["sglang"] });
  if (model === undefined || !v.is(visionSchema, entry)) return model;
  return { ...model, type: "vlm", capabilities: ["vision"], statedSkills: { vision: true } };
}
