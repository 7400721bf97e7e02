import { OllaError } from "../../errors.ts";
import { isObject, type JsonObject, parseJson } from "../../lib/json.ts";
import type { ClientApi, TranslatableRequest, TranslatedAnswer, Translation } from "../client-api.ts";
import { describeGot, invalid } from "../invalid-request.ts";
import { withoutWords } from "../openai/client/untranslatable-api.ts";
import { count, filledText, objectsOf, textOf, toJsonBytes } from "../wire.ts";
import { duration, renderOllamaRefusal } from "./answer-line.ts";

/** Source: https://github.com/ollama/ollama/blob/main/docs/api.md#generate-embeddings */
export const ollamaEmbedApi: ClientApi = {
  name: "ollama-embed",
  dialect: "ollama",
  nativePath: (profile) => (profile.paths.includes("/api/embed") ? "/api/embed" : undefined),
  translate: (request) =>
    translateEmbeddings(request, "input", (vectors, answer, startedAt) => ({
      embeddings: vectors,
      total_duration: duration(startedAt, Date.now()),
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
  const name = filledText(parsed.model);
  if (name === undefined) throw invalid("model", "model is required");
  const input = readInput(parsed[member], member);
  const wanted = typeof input === "string" ? 1 : input.length;
  const startedAt = Date.now();
  const write = (vectors: Vectors, answer: JsonObject): TranslatedAnswer => ({
    contentType: "application/json; charset=utf-8",
    body: toJsonBytes({ model: name, ...say(vectors, answer, startedAt) }),
  });
  return {
    isStream: false,
    notices: [],
    // Ollama takes no text at all for a wish to load the model.
    ownAnswer: input.length === 0 ? write([], {}) : undefined,
    encode: ({ model, defaults, profile }) => {
      if (profile.anthropic?.isOnlyDialect === true) throw withoutWords("embeddings");
      const dimensions = count(parsed.dimensions);
      const request = { model, input, ...(dimensions !== undefined && { dimensions }) };
      return { path: "/v1/embeddings", body: toJsonBytes({ ...defaults, ...request }) };
    },
    decodeWhole(answerBody): TranslatedAnswer {
      const answer = parseJson(textOf(answerBody));
      const vectors = isObject(answer) ? readVectors(answer, wanted) : undefined;
      if (!isObject(answer) || vectors === undefined) {
        throw new OllaError("malformed_response", "The endpoint's answer can't be translated: no embeddings");
      }
      return write(vectors, answer);
    },
    openStream() {
      throw new OllaError("malformed_response", "The endpoint streams an answer that has no pieces");
    },
    renderRefusal: renderOllamaRefusal,
  };
}

function readInput(input: unknown, member: "input" | "prompt"): string | readonly string[] {
  if (input === undefined || input === null) return "";
  if (typeof input === "string") return input;
  if (member === "prompt") throw invalid(member, `expected a text, got ${describeGot(input)}`);
  if (!Array.isArray(input))
    throw invalid(member, `expected a text or a list of texts, got ${describeGot(input)}`);
  return input.map((text: unknown, index) => {
    if (typeof text === "string") return text;
    throw invalid(`${member}[${index}]`, `expected a text, got ${describeGot(text)}`);
  });
}

/** In the order of the inputs. Undefined when some are missing. */
function readVectors(answer: JsonObject, wanted: number): Vectors | undefined {
  const entries = objectsOf(answer.data).toSorted((left, right) => indexOf(left) - indexOf(right));
  const vectors = entries.map(({ embedding }) => embedding);
  return vectors.length === wanted && vectors.every(Array.isArray) ? vectors : undefined;
}

function indexOf(entry: JsonObject): number {
  return count(entry.index) ?? 0;
}

function promptTokens({ usage }: JsonObject): number {
  return (isObject(usage) ? count(usage.prompt_tokens) : undefined) ?? 0;
}
