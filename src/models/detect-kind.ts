import { resolveEndpointUrl } from "../endpoints/endpoint-url.ts";
import type { ListFormat, Profile } from "../profiles/profile.ts";
import { fallbackProfileName } from "../profiles/profile-set.ts";
import { fetchModelList, ModelFetchError, type ModelFetchOptions } from "./fetch-model-list.ts";
import { ModelListError } from "./list-parsers/model-list-error.ts";
import { parseModelList } from "./list-parsers/parse-model-list.ts";
import type { Model } from "./model.ts";

export interface DetectedKind {
  readonly profile: Profile;
  readonly models: readonly Model[];
}

export interface DetectKindOptions extends ModelFetchOptions {
  /** The kinds that may be found. */
  readonly profiles: readonly Profile[];
}

/**
 * Finds out what kind of backend answers at `baseUrl`: each kind is asked at its own list path and accepted only for
 * a list with its own marks. `undefined`: something answers, but with no list of any of these kinds. Throws
 * `ModelFetchError` when nothing answers, or only with an error that hides what is there (401, 500).
 */
export async function detectKind(
  baseUrl: string,
  options: DetectKindOptions,
): Promise<DetectedKind | undefined> {
  const candidates = inOrderOfTelling(options.profiles);
  const urls = new Set(candidates.map((profile) => resolveEndpointUrl(baseUrl, profile.modelDiscoveryPath)));
  const answers = new Map(
    await Promise.all([...urls].map(async (url) => [url, await fetchOrError(url, options)] as const)),
  );
  for (const profile of candidates) {
    const answer = answers.get(resolveEndpointUrl(baseUrl, profile.modelDiscoveryPath));
    if (answer === undefined || answer instanceof ModelFetchError) continue;
    const models = readAsKind(profile.listFormat, answer);
    if (models !== undefined) return { profile, models };
  }
  const hidden = [...answers.values()].find(
    (answer) => answer instanceof ModelFetchError && !meansNoSuchList(answer),
  );
  if (hidden instanceof ModelFetchError) throw hidden;
  return undefined;
}

/** The kind whose marks one given list bears, for an endpoint whose list path the user has set. */
export function kindOfList(body: Uint8Array, profiles: readonly Profile[]): DetectedKind | undefined {
  for (const profile of inOrderOfTelling(profiles)) {
    const models = readAsKind(profile.listFormat, body);
    if (models !== undefined) return { profile, models };
  }
  return undefined;
}

async function fetchOrError(url: string, options: ModelFetchOptions): Promise<Uint8Array | ModelFetchError> {
  try {
    return await fetchModelList(url, options);
  } catch (error) {
    if (error instanceof ModelFetchError) return error;
    throw error;
  }
}

function meansNoSuchList(error: ModelFetchError): boolean {
  return error.status === 404 || error.status === 405 || error.fault === "redirect";
}

const markedFormats: readonly ListFormat[] = ["ollama", "lmstudio", "vllm"];

/** Kinds with marks of their own first, the one that any OpenAI-like list would fit last. */
function inOrderOfTelling(profiles: readonly Profile[]): readonly Profile[] {
  const marked = markedFormats.flatMap((format) => profiles.filter((each) => each.listFormat === format));
  const plain = profiles.filter((profile) => profile.listFormat === "openai");
  const fallback = plain.find((profile) => profile.name === fallbackProfileName);
  // A plain kind on the fallback's own path can't be told from it, so it has to be named in the config.
  const own = plain.filter(
    (each) => each !== fallback && each.modelDiscoveryPath !== fallback?.modelDiscoveryPath,
  );
  return fallback === undefined ? [...marked, ...own] : [...marked, ...own, fallback];
}

type Wire = Readonly<Record<string, unknown>>;

/** Whether a list that parses as this format is really of a backend that has it. */
const bearsMarks: Readonly<Record<ListFormat, (entries: readonly Wire[], body: Wire) => boolean>> = {
  // llama.cpp answers Ollama's path too, with both lists in one body.
  ollama: (_entries, body) => !Array.isArray(body.data),
  lmstudio: (entries) =>
    entries.length === 0 ||
    entries.some((entry) =>
      ["state", "compatibility_type", "arch"].some((mark) => Object.hasOwn(entry, mark)),
    ),
  vllm: (entries) => entries.some((entry) => entry.owned_by === "vllm"),
  openai: () => true,
};

function readAsKind(format: ListFormat, body: Uint8Array): readonly Model[] | undefined {
  try {
    const { models, entries, top } = parseModelList(format, body);
    if (entries.length > 0 && models.length === 0) return undefined;
    return bearsMarks[format](entries.filter(isRecord), top) ? models : undefined;
  } catch (error) {
    if (error instanceof ModelListError) return undefined;
    throw error;
  }
}

function isRecord(value: unknown): value is Wire {
  return typeof value === "object" && value !== null;
}
