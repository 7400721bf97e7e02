import * as v from "valibot";
import { parseJson } from "../../lib/json.ts";
import type { LoadedFormat } from "../../profiles/profile.ts";
import type { LoadedModel } from "../loaded/loaded-model.ts";
import { loosePositive, looseRecord, looseText, looseTexts, withoutUndefined } from "./wire-fields.ts";

interface LoadedReader {
  /** The member of the answer that is the list. */
  readonly arrayName: string;
  /** Undefined for an entry that is no model, and for one that is not loaded. */
  readonly parseEntry: (entry: unknown) => LoadedModel | undefined;
}

const looseFlag = v.fallback(v.optional(v.boolean()), undefined);
/** 0 says something here: the model is not on a graphics card. */
const looseAmount = v.fallback(v.optional(v.pipe(v.number(), v.finite(), v.minValue(0))), undefined);

const ollamaEntry = v.looseObject({
  name: looseText,
  model: looseText,
  size: loosePositive,
  size_vram: looseAmount,
  digest: looseText,
  expires_at: looseText,
  context_length: loosePositive,
});

/** `GET /api/ps`: lists what is loaded and nothing else. */
function parseOllamaLoaded(entry: unknown): LoadedModel | undefined {
  const parsed = v.safeParse(ollamaEntry, entry);
  if (!parsed.success) return undefined;
  const wire = parsed.output;
  const name = wire.name ?? wire.model;
  if (name === undefined) return undefined;
  return {
    name,
    ...withoutUndefined({
      otherNames: wire.model === undefined || wire.model === name ? undefined : [wire.model],
      sizeBytes: wire.size,
      sizeVramBytes: wire.size_vram,
      digest: wire.digest,
      expiresAt: wire.expires_at,
      contextLength: wire.context_length,
    }),
  };
}

const lmstudioEntry = v.looseObject({
  id: looseText,
  state: looseText,
  loaded_context_length: loosePositive,
});

/** `GET /api/v0/models`: lists what is downloaded, with its state. */
function parseLmstudioLoaded(entry: unknown): LoadedModel | undefined {
  const parsed = v.safeParse(lmstudioEntry, entry);
  if (!parsed.success || parsed.output.id === undefined) return undefined;
  const { id, state, loaded_context_length: contextLength } = parsed.output;
  if (state !== "loaded" && state !== "loading") return undefined;
  return { name: id, ...withoutUndefined({ contextLength }) };
}

const llamacppEntry = v.looseObject({
  id: looseText,
  aliases: looseTexts,
  status: looseRecord({ value: looseText }),
  meta: looseRecord({ n_ctx: loosePositive, size: loosePositive }),
});

/** `GET /v1/models`: an entry without a status is of a server that has one model, and that in memory. */
function parseLlamacppLoaded(entry: unknown): LoadedModel | undefined {
  const parsed = v.safeParse(llamacppEntry, entry);
  if (!parsed.success || parsed.output.id === undefined) return undefined;
  const { id, aliases, status, meta } = parsed.output;
  const state = status?.value;
  if (state !== undefined && state !== "loaded" && state !== "loading") return undefined;
  return {
    name: id,
    ...withoutUndefined({ otherNames: aliases, contextLength: meta?.n_ctx, sizeBytes: meta?.size }),
  };
}

const llamaSwapEntry = v.looseObject({ model: looseText, state: looseText });

/** `GET /running`. The command lines beside it may hold keys and are not kept. */
function parseLlamaSwapLoaded(entry: unknown): LoadedModel | undefined {
  const parsed = v.safeParse(llamaSwapEntry, entry);
  if (!parsed.success || parsed.output.model === undefined) return undefined;
  const { model, state } = parsed.output;
  return state === undefined || state === "ready" || state === "starting" ? { name: model } : undefined;
}

const omlxEntry = v.looseObject({
  id: looseText,
  model_alias: looseText,
  loaded: looseFlag,
  is_loading: looseFlag,
  actual_size: loosePositive,
  estimated_size: loosePositive,
  max_context_window: loosePositive,
});

/** `GET /v1/models/status`: lists what is there, with two flags. */
function parseOmlxLoaded(entry: unknown): LoadedModel | undefined {
  const parsed = v.safeParse(omlxEntry, entry);
  if (!parsed.success || parsed.output.id === undefined) return undefined;
  const wire = parsed.output;
  if (wire.loaded !== true && wire.is_loading !== true) return undefined;
  return {
    name: parsed.output.id,
    ...withoutUndefined({
      otherNames: wire.model_alias === undefined ? undefined : [wire.model_alias],
      sizeBytes: wire.actual_size ?? wire.estimated_size,
      contextLength: wire.max_context_window,
    }),
  };
}

const readers: Readonly<Record<LoadedFormat, LoadedReader>> = {
  ollama: { arrayName: "models", parseEntry: parseOllamaLoaded },
  lmstudio: { arrayName: "data", parseEntry: parseLmstudioLoaded },
  llamacpp: { arrayName: "data", parseEntry: parseLlamacppLoaded },
  "llama-swap": { arrayName: "running", parseEntry: parseLlamaSwapLoaded },
  omlx: { arrayName: "models", parseEntry: parseOmlxLoaded },
};

/** The loaded models, each name once, or `undefined` where the body as a whole is no such list. */
export function parseLoaded(format: LoadedFormat, body: Uint8Array): readonly LoadedModel[] | undefined {
  const { arrayName, parseEntry } = readers[format];
  const top = parseJson(new TextDecoder().decode(body));
  if (typeof top !== "object" || top === null || !(arrayName in top)) return undefined;
  const listed: unknown = Reflect.get(top, arrayName);
  // Go programs write an empty list as null.
  if (listed === null) return [];
  if (!Array.isArray(listed)) return undefined;
  const models = new Map<string, LoadedModel>();
  for (const entry of listed) {
    const model = parseEntry(entry);
    if (model !== undefined && !models.has(model.name)) models.set(model.name, model);
  }
  return [...models.values()];
}
