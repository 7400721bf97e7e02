import type { ModelType, StatedSkills } from "../model.ts";

/**
 * Ollama counts up what a model can do, and refuses images and tools that are not in the list. It computes embeddings
 * with models of every kind, in the list or not.
 */
export function skillsByOllama(capabilities: readonly string[] | undefined): StatedSkills | undefined {
  if (capabilities === undefined) return undefined;
  return {
    vision: capabilities.includes("vision"),
    tools: capabilities.includes("tools"),
    ...(capabilities.includes("embedding") ? { embeddings: true } : {}),
  };
}

/**
 * For backends that sort their models by type. `tool_use` stands for models that were trained for it; others may take
 * tools as well.
 */
export function skillsByType(
  type: ModelType | undefined,
  capabilities: readonly string[] | undefined,
): StatedSkills | undefined {
  const isTrainedForTools = capabilities?.some((word) => toolWords.includes(word)) ?? false;
  if (type === "embeddings") return { embeddings: true, vision: false, tools: isTrainedForTools };
  const tools = isTrainedForTools ? { tools: true } : {};
  if (type !== undefined) return { embeddings: false, vision: type === "vlm", ...tools };
  return isTrainedForTools ? tools : undefined;
}

const toolWords: readonly string[] = ["tool_use", "tool-calling"];

/** For backends that say what may go in: `text`, `image`, `audio`. */
export function skillsByModalities(inputs: readonly string[] | undefined): StatedSkills | undefined {
  return inputs === undefined ? undefined : { vision: inputs.includes("image") };
}
