import { z } from "zod";
import { ago, bytesText, count } from "./texts.ts";

/**
 * Entries of lists that other programs' clients read. They are open: what an endpoint of that program said of its model
 * stands beside what is named here.
 */
const listed = { id: z.string(), object: z.literal("model") };
const created = { created: z.int().meta({ description: "Seconds since the epoch" }), owned_by: z.string() };

const unifiedModel = z
  .strictObject({
    ...listed,
    ...created,
    olla: z.strictObject({
      family: z.string(),
      variant: z.string(),
      parameter_size: z.string(),
      quantization: z.string(),
      max_context_length: count.optional(),
      estimated_context_length: count.optional().meta({ description: "Guessed from the name" }),
      aliases: z.array(z.string()).meta({ description: "Names that endpoints know it by" }),
      availability: z.array(z.strictObject({ endpoint: z.string(), state: z.string() })),
      capabilities: z.array(z.string()),
      alias_of: z.array(z.string()).optional().meta({ description: "Of an alias: what it stands for" }),
    }),
  })
  .meta({ id: "UnifiedModel" });

const openaiModel = z.looseObject({ ...listed, ...created }).meta({ id: "OpenaiModel" });

const lmstudioModel = z
  .looseObject({
    ...listed,
    type: z.string(),
    publisher: z.string().optional(),
    arch: z.string().optional(),
    compatibility_type: z.string().optional(),
    quantization: z.string().optional(),
    state: z.enum(["loaded", "not-loaded"]),
    max_context_length: count.optional(),
    capabilities: z.array(z.string()).optional(),
  })
  .meta({ id: "LmStudioModel" });

const ollamaModel = z
  .looseObject({
    name: z.string(),
    model: z.string(),
    modified_at: z.string(),
    size: count.optional(),
    digest: z.string(),
    details: z.looseObject({
      family: z.string(),
      parameter_size: z.string(),
      quantization_level: z.string(),
    }),
    capabilities: z.array(z.string()).optional(),
  })
  .meta({ id: "OllamaModel" });

const anthropicModel = z
  .strictObject({
    type: z.literal("model"),
    id: z.string(),
    display_name: z.string(),
    created_at: z.iso.datetime(),
  })
  .meta({ id: "AnthropicModel" });

function listOf<Entry extends z.ZodType>(entry: Entry) {
  return z.strictObject({ object: z.literal("list"), data: z.array(entry) });
}

export const openaiListAnswer = listOf(openaiModel).meta({ id: "OpenaiModels" });
export const lmstudioListAnswer = listOf(lmstudioModel).meta({ id: "LmStudioModels" });
export const ollamaListAnswer = z.strictObject({ models: z.array(ollamaModel) }).meta({ id: "OllamaModels" });
export const anthropicListAnswer = z
  .strictObject({
    data: z.array(anthropicModel),
    has_more: z.boolean(),
    first_id: z.string().nullable(),
    last_id: z.string().nullable(),
  })
  .meta({ id: "AnthropicModels" });

/** By the query parameter `format`; the first where it is missing. */
export const modelListAnswer = z.union([
  listOf(unifiedModel).meta({ id: "UnifiedModels" }),
  lmstudioListAnswer,
  openaiListAnswer,
  ollamaListAnswer,
]);

/** Of Anthropic's where the request has the header `anthropic-version`. */
export const providerListAnswer = z.union([anthropicListAnswer, openaiListAnswer]);
export const providerModelAnswer = z.union([anthropicModel, openaiModel]);
export const lmstudioModelAnswer = lmstudioModel;
export const openaiModelAnswer = openaiModel;
export const anthropicModelAnswer = anthropicModel;

export const modelAnswer = z
  .strictObject({
    id: z.string(),
    family: z.string(),
    variant: z.string(),
    parameter_size: z.string(),
    parameter_count: z.number().nonnegative().meta({ description: "0 when not known" }),
    quantization: z.string(),
    format: z.string(),
    max_context_length: count.optional(),
    estimated_context_length: count.optional(),
    total_disk_size: bytesText,
    last_seen: ago,
    aliases: z.array(z.string()),
    endpoints: z.array(z.string()),
    loaded_endpoints: z.array(z.string()),
    capabilities: z.array(z.string()),
    alias_of: z.array(z.string()).optional(),
  })
  .meta({ id: "ModelDetail" });

export const loadedAnswer = z
  .strictObject({
    models: z.array(
      z.looseObject({
        name: z.string(),
        model: z.string(),
        endpoint: z.string().meta({ description: "Where it is in memory" }),
      }),
    ),
  })
  .meta({ id: "OllamaLoaded" });

export const ollamaVersionAnswer = z.strictObject({ version: z.string() }).meta({ id: "OllamaVersion" });
export const helloAnswer = z.strictObject({ message: z.literal("hello") }).meta({ id: "Hello" });

export const modelId = z.object({
  id: z.string().meta({ description: "An id or a name; slashes may stay as they are" }),
});

export const provider = z.object({
  provider: z.string().meta({
    description:
      "A kind of endpoint, such as `ollama` or `vllm`; `proxy` is all of them, `local` all but the cloud",
  }),
});
