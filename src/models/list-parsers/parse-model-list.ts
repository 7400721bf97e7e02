import type { ListFormat } from "../../profiles/profile.ts";
import type { Model } from "../model.ts";
import { parseLemonadeEntry } from "./lemonade.ts";
import { addLlamacppCapabilities, parseLlamacppEntry } from "./llamacpp.ts";
import { parseLmstudioEntry } from "./lmstudio.ts";
import { ModelListError } from "./model-list-error.ts";
import { parseOllamaEntry } from "./ollama.ts";
import { parseOpenaiEntry } from "./openai.ts";
import { parseServedEntry } from "./served.ts";
import { parseSglangEntry } from "./sglang.ts";

export interface ParsedList {
  /** In the backend's order, each name once. */
  readonly models: readonly Model[];
  /** The list's entries as they came, those included that are no models. */
  readonly entries: readonly unknown[];
  /** The object that the list is a member of. */
  readonly top: Readonly<Record<string, unknown>>;
}

interface ListReader {
  readonly arrayName: string;
  readonly parseEntry: (entry: unknown) => Model | undefined;
  /** Adds what the answer says of its models outside the list. */
  readonly complete?: (models: readonly Model[], top: unknown) => readonly Model[];
}

const readers: Readonly<Record<ListFormat, ListReader>> = {
  ollama: { arrayName: "models", parseEntry: parseOllamaEntry },
  lmstudio: { arrayName: "data", parseEntry: parseLmstudioEntry },
  openai: { arrayName: "data", parseEntry: parseOpenaiEntry },
  vllm: { arrayName: "data", parseEntry: (entry) => parseServedEntry(entry, { programs: ["vllm"] }) },
  "vllm-mlx": {
    arrayName: "data",
    parseEntry: (entry) => parseServedEntry(entry, { programs: ["vllm-mlx", "vllm"], format: "mlx" }),
  },
  sglang: { arrayName: "data", parseEntry: parseSglangEntry },
  lmdeploy: { arrayName: "data", parseEntry: (entry) => parseServedEntry(entry, { programs: ["lmdeploy"] }) },
  llamacpp: { arrayName: "data", parseEntry: parseLlamacppEntry, complete: addLlamacppCapabilities },
  lemonade: { arrayName: "data", parseEntry: parseLemonadeEntry },
  "docker-model-runner": {
    arrayName: "data",
    parseEntry: (entry) =>
      parseServedEntry(entry, { programs: ["docker"], format: "gguf", hasModelAge: true }),
  },
};

/**
 * Reads the body of a model list. Members of the wrong kind count as not given; entries without a name and further
 * entries of a name are skipped. Throws `ModelListError` when the body as a whole is not such a list.
 */
export function parseModelList(format: ListFormat, body: Uint8Array): ParsedList {
  const { arrayName, parseEntry, complete } = readers[format];
  const top = parseJson(body);
  if (!isRecord(top)) throw missingArray(arrayName);
  const listed = top[arrayName];
  // Go programs write an empty list as null.
  const entries: unknown = listed === null ? [] : listed;
  if (!Array.isArray(entries)) throw missingArray(arrayName);

  const models = new Map<string, Model>();
  for (const entry of entries) {
    const model = parseEntry(entry);
    if (model === undefined || models.has(model.name)) continue;
    models.set(model.name, model.nativeFields === undefined ? model : { ...model, nativeFormat: format });
  }
  const parsed = [...models.values()];
  return { models: complete?.(parsed, top) ?? parsed, entries, top };
}

function missingArray(arrayName: string): ModelListError {
  return new ModelListError(`the answer is JSON, but has no "${arrayName}" list`, { fault: "wrong-shape" });
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}

function parseJson(body: Uint8Array): unknown {
  const text = new TextDecoder().decode(body).trim();
  if (text === "") throw new ModelListError("the answer is empty", { fault: "empty" });
  try {
    return JSON.parse(text);
  } catch (cause) {
    if (text.startsWith("<")) {
      throw new ModelListError("the answer is a web page (HTML or XML), not JSON", {
        fault: "not-json",
        cause,
      });
    }
    if (/^[{[]/.test(text)) {
      throw new ModelListError("the answer is broken JSON: cut off, or badly written", {
        fault: "broken-json",
        cause,
      });
    }
    throw new ModelListError("the answer is not JSON", { fault: "not-json", cause });
  }
}
