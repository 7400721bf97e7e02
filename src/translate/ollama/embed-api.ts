import { OllaError } from "../../errors.ts";
import type { ClientApi, TranslatableRequest, TranslatedAnswer, Translation } from "../client-api.ts";
import { describeGot, invalid } from "../invalid-request.ts";
import {
  count,
  filledText,
  isObject,
  type JsonObject,
  objectsOf,
  parseJson,
  textOf,
  toJsonBytes,
} from "../wire.ts";
import { nanoseconds, renderOllamaRefusal } from "./answer-line.ts";

/** Source: https://github.com/ollama/ollama/blob/main/docs/api.md#generate-embeddings */
export const ollamaEmbedApi: ClientApi = {
  name: "ollama-embed",
  dialect: "ollama",
  nativePath: (profile) => (profile.paths.includes("/api/embed") ? "/api/embed" : undefined),
  translate: (request) =>
    translateEmbeddings(request, "input", (vectors, answer, startedAt) => ({
      embeddings: vectors,
      total_duration: nanoseconds(Date.now() - startedAt),
      load_duration: 0,
      prompt_eval_count: promptTokens(answer),
    })),
};

/** The older way, of one text. */
export const ollamaEmbeddingsApi: ClientApi = {
  name: "ollama-embeddings",
  dialect: "ollama",
  nativePath: (profile) => (profile.paths.includes("/api/embeddings") ? "/api/embeddings" : undefined),
  translate: (request) => translateEmbeddings(request, "prompt", ([vector]) => ({ embedding: vector ?? [] })),
};

type Vectors = readonly (readonly unknown[])[];

function translateEmbeddings(
  { body }: TranslatableRequest,
  member: "input" | "prompt",
  say: (vectors: Vectors, answer: JsonObject, startedAt: number) => JsonObject,
): Translation {
  const parsed = parseJson(textOf(body));
  if (!isObject(parsed)) throw new OllaError("invalid_request", "The request's body is no JSON object");
  if (filledText(parsed.model) === undefined) throw invalid("model", "model is required");
  const input = parsed[member];
  if (typeof input !== "string" && !Array.isArray(input)) {
    throw invalid(member, `expected a text or a list of texts, got ${describeGot(input)}`);
  }
  const startedAt = Date.now();
  return {
    isStream: false,
    notices: [],
    encode: ({ model, defaults }) => {
      const dimensions = count(parsed.dimensions);
      const request = { model, input, ...(dimensions !== undefined && { dimensions }) };
      return { path: "/v1/embeddings", body: toJsonBytes({ ...defaults, ...request }) };
    },
    decodeWhole(answerBody, { model }): TranslatedAnswer {
      const answer = parseJson(textOf(answerBody));
      const vectors = isObject(answer) ? readVectors(answer) : undefined;
      if (!isObject(answer) || vectors === undefined) {
        throw new OllaError("malformed_response", "The endpoint's answer can't be translated: no embeddings");
      }
      const said = { model, ...say(vectors, answer, startedAt) };
      return { contentType: "application/json; charset=utf-8", body: toJsonBytes(said) };
    },
    openStream() {
      throw new OllaError("malformed_response", "The endpoint streams an answer that has no pieces");
    },
    renderRefusal: renderOllamaRefusal,
  };
}

/** In the order of the inputs. Undefined when some are missing. */
function readVectors(answer: JsonObject): Vectors | undefined {
  const entries = objectsOf(answer.data).toSorted((left, right) => indexOf(left) - indexOf(right));
  const vectors = entries.map(({ embedding }) => embedding);
  return vectors.length > 0 && vectors.every(Array.isArray) ? vectors : undefined;
}

function indexOf(entry: JsonObject): number {
  return count(entry.index) ?? 0;
}

function promptTokens({ usage }: JsonObject): number {
  return (isObject(usage) ? count(usage.prompt_tokens) : undefined) ?? 0;
}
