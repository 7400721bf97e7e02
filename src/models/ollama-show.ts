import { ollamaDetails } from "./ollama-details.ts";
import type { ModelSource, UnifiedModel } from "./unified-model.ts";

/** A model as a client of Ollama's API gets to see it, and everywhere that the request for it may go. */
export interface ShownModel {
  /** As the client will ask for it. */
  readonly name: string;
  readonly model: UnifiedModel;
  readonly sources: readonly [ModelSource, ...ModelSource[]];
}

const unknownArchitecture = "unknown";

/**
 * `POST /api/show` of Ollama for a model that no Ollama has, out of what its backend's list and its name tell. Clients
 * look for the context length under the architecture's name, and VS Code shows `general.basename` to its user.
 * @param processStartedAt milliseconds since the epoch: stands in for a model's age, so that answers are stable
 */
export function renderOllamaShow({ name, model, sources }: ShownModel, processStartedAt: number): object {
  // A server that says the size says more of the rest, too.
  const { model: native } = sources.find(({ sizeBytes }) => sizeBytes > 0) ?? sources[0];
  const family = native.family ?? model.family;
  const architecture = family === "" ? unknownArchitecture : family.toLowerCase();
  const contextLength = smallestContext(sources) ?? model.maxContextLength;
  return {
    modelfile: "",
    parameters: "",
    template: "",
    details: ollamaDetails(native, model),
    model_info: {
      "general.architecture": architecture,
      "general.basename": name,
      ...(model.parameterCount > 0 && { "general.parameter_count": model.parameterCount }),
      ...(contextLength !== undefined && { [`${architecture}.context_length`]: contextLength }),
    },
    capabilities: ollamaCapabilities(sources),
    modified_at: new Date(native.modifiedAt ?? processStartedAt).toISOString(),
  };
}

/** Whatever place is chosen, what the client was told must fit. */
function smallestContext(sources: readonly ModelSource[]): number | undefined {
  const known = sources.flatMap(({ model }) => model.maxContextLength ?? []);
  return known.length === 0 ? undefined : Math.min(...known);
}

const writing: readonly string[] = ["text-generation", "chat", "completion"];
const otherWork: readonly string[] = ["embeddings", "rerank", "transcription", "speech"];
const filling: readonly string[] = ["insert", "fim", "infill", "fill-in-the-middle"];

/**
 * Ollama's words for what a model can do. A model that chats is taken to call tools unless its backend denies it:
 * VS Code hides models without tools, and most lists say nothing about them.
 */
export function ollamaCapabilities(sources: readonly ModelSource[]): string[] {
  const words = new Set(sources.flatMap(({ traits }) => traits.capabilities));
  const has = (some: readonly string[]) => some.some((word) => words.has(word));
  const can = (skill: "vision" | "embeddings") =>
    sources.some(({ traits }) => traits.skills[skill] === "yes");
  const found: string[] = [];
  if (has(writing) || !has(otherWork)) {
    found.push("completion");
    if (sources.some(({ traits }) => traits.skills.tools !== "no")) found.push("tools");
    if (has(filling)) found.push("insert");
    if (can("vision")) found.push("vision");
    if (has(["reasoning", "thinking"])) found.push("thinking");
  }
  if (can("embeddings")) found.push("embedding");
  return found;
}
