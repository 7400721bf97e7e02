import * as v from "valibot";
import type { Model } from "../model.ts";
import { loosePositive, looseText, secondsToMs, unreadFields, withoutUndefined } from "./wire-fields.ts";

const entrySchema = v.looseObject({
  id: looseText,
  created: loosePositive,
  owned_by: looseText,
  parent: looseText,
  max_model_len: loosePositive,
});

/** `root` and `permission` are made anew for each list that we write. */
const readNames: ReadonlySet<string> = new Set([
  ...Object.keys(entrySchema.entries),
  "object",
  "root",
  "permission",
]);

export interface ServedEntryOptions {
  /** What the program calls itself in `owned_by`, where it names no maker of the model. */
  readonly programs: readonly string[];
  /** The file format of all that the program serves. */
  readonly format?: string;
  /**
   * Whether `created` is the model's own time. Most programs put the time of the answer there: it says nothing of the
   * model and would change every list we make of it.
   */
  readonly hasModelAge?: boolean;
}

/**
 * One entry of `data` of `GET /v1/models` as vLLM writes it, and those who followed it; `undefined` without an id.
 */
export function parseServedEntry(entry: unknown, options: ServedEntryOptions): Model | undefined {
  const parsed = v.safeParse(entrySchema, entry);
  if (!parsed.success || parsed.output.id === undefined) return undefined;
  const wire = parsed.output;
  const { owned_by: owner } = wire;
  return {
    name: parsed.output.id,
    ...withoutUndefined({
      publisher: owner !== undefined && options.programs.includes(owner) ? undefined : owner,
      parentModel: wire.parent,
      maxContextLength: wire.max_model_len,
      format: options.format,
      modifiedAt: options.hasModelAge ? secondsToMs(wire.created) : undefined,
      nativeFields: unreadFields(wire, readNames),
    }),
  };
}
