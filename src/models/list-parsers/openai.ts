import * as v from "valibot";
import type { Model } from "../model.ts";
import { parameterLabel } from "../model-attributes.ts";
import { skillsByModalities } from "./stated-skills.ts";
import {
  asWritten,
  loosePositive,
  looseRecord,
  looseText,
  looseTexts,
  secondsToMs,
  unreadFields,
  withoutUndefined,
} from "./wire-fields.ts";

const entrySchema = v.looseObject({
  id: looseText,
  created: loosePositive,
  owned_by: looseText,
  // Whoever serves it: vLLM and those who followed, OpenRouter and Together, Mistral, Groq.
  max_model_len: loosePositive,
  context_length: loosePositive,
  max_context_length: loosePositive,
  context_window: loosePositive,
  description: looseText,
  // llama.cpp says more than OpenAI does.
  status: looseRecord({ value: looseText }),
  architecture: looseRecord({ input_modalities: looseTexts }),
  meta: looseRecord({
    n_ctx: loosePositive,
    n_ctx_train: loosePositive,
    n_params: loosePositive,
    size: loosePositive,
    ftype: looseText,
  }),
});

/** Owners that name the serving program, not who made the model. Their `created` is the time of the answer. */
const programs: ReadonlySet<string> = new Set([
  "llamacpp",
  "vllm",
  "vllm-mlx",
  "sglang",
  "lmdeploy",
  "lemonade",
  "omlx",
]);

/**
 * What we write anew for each list, and what may hold paths or, as a router's `status` does, a command line. The rest is
 * shown again, also what we have read of it: our list has no other place for it.
 */
const ownNames: ReadonlySet<string> = new Set([
  "id",
  "object",
  "created",
  "owned_by",
  "root",
  "permission",
  "permissions",
  "status",
]);

/** One entry of `data` of `GET /v1/models`, llama.cpp's additions included; `undefined` without an id. */
export function parseOpenaiEntry(entry: unknown): Model | undefined {
  const parsed = v.safeParse(entrySchema, entry);
  if (!parsed.success || parsed.output.id === undefined) return undefined;
  const wire = parsed.output;
  const { meta, owned_by: owner } = wire;
  const contextLength =
    wire.max_model_len ?? wire.context_length ?? wire.max_context_length ?? wire.context_window;
  const isOwnedByProgram = owner !== undefined && programs.has(owner);
  return {
    name: parsed.output.id,
    ...withoutUndefined({
      type: wire.architecture?.input_modalities?.includes("image") ? ("vlm" as const) : undefined,
      statedSkills: skillsByModalities(wire.architecture?.input_modalities),
      description: wire.description,
      sizeBytes: meta?.size,
      publisher: isOwnedByProgram ? undefined : owner,
      format: owner === "llamacpp" ? "gguf" : undefined,
      state: wire.status?.value,
      parameterSize: meta?.n_params === undefined ? undefined : parameterLabel(meta.n_params),
      quantization: meta?.ftype,
      maxContextLength: contextLength ?? meta?.n_ctx_train ?? meta?.n_ctx,
      nativeFields: unreadFields(asWritten(entry), ownNames),
      modifiedAt: isOwnedByProgram ? undefined : secondsToMs(wire.created),
    }),
  };
}
