import type { Endpoint } from "../../endpoints/endpoint.ts";
import { resolveKindUrl } from "../../endpoints/endpoint-url.ts";
import { questionHeadersOf } from "../../endpoints/question-headers.ts";
import type { Clock } from "../../lib/clock.ts";
import { type FetchLike, type HttpGetResult, httpGet } from "../../lib/http-get.ts";
import type { LoadedModelsSource } from "../../profiles/profile.ts";
import { discoveryHeaders } from "../fetch-model-list.ts";
import { parseLoaded } from "../list-parsers/parse-loaded.ts";
import type { LoadedModel } from "./loaded-model.ts";

export interface ReadLoadedOptions {
  readonly clock: Clock;
  /** Of Olla, for the `User-Agent`. */
  readonly version: string;
  /** For each place that is asked. Default 2 s. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  readonly fetch?: FetchLike;
}

/**
 * `absent`: asking again makes no sense before the endpoint has changed. `no-list`: what answers is something else.
 * `failed`: it may answer another time.
 */
export type LoadedAnswer =
  | { readonly kind: "models"; readonly models: readonly LoadedModel[]; readonly source: LoadedModelsSource }
  | { readonly kind: "absent" }
  | { readonly kind: "no-list" }
  | { readonly kind: "failed"; readonly reason: string };

const defaultTimeoutMs = 2000;
const maxBodyBytes = 1024 * 1024;

/**
 * The models that an endpoint has in memory now; `undefined` where its kind cannot tell, always has all of them
 * (`profile.loadedModels` is `always`), or gives no such list. Never rejects.
 */
export async function readLoadedModels(
  endpoint: Endpoint,
  options: ReadLoadedOptions,
): Promise<readonly LoadedModel[] | undefined> {
  const answer = await askLoadedModels(endpoint, loadedSources(endpoint), options);
  return answer.kind === "models" ? answer.models : undefined;
}

/** Where an endpoint of this kind can be asked; empty where it cannot or need not be. */
export function loadedSources({ profile }: Endpoint): readonly LoadedModelsSource[] {
  const { loadedModels } = profile;
  return loadedModels === undefined || loadedModels === "always" ? [] : loadedModels;
}

/** Asks one place after the other until one answers with a list. Never rejects. */
export async function askLoadedModels(
  endpoint: Endpoint,
  sources: readonly LoadedModelsSource[],
  options: ReadLoadedOptions,
): Promise<LoadedAnswer> {
  let answer: LoadedAnswer = { kind: "absent" };
  for (const source of sources) {
    const next = await askSource(endpoint, source, options);
    // Whoever is merely slow may be the right one: a later place must not speak for it.
    if (next.kind === "models" || next.kind === "failed") return next;
    if (next.kind === "no-list") answer = next;
  }
  return answer;
}

async function askSource(
  endpoint: Endpoint,
  source: LoadedModelsSource,
  options: ReadLoadedOptions,
): Promise<LoadedAnswer> {
  let answer: HttpGetResult;
  try {
    answer = await httpGet(loadedUrl(endpoint, source.path), {
      ...options,
      headers: discoveryHeaders(options.version, questionHeadersOf(endpoint)),
      timeoutMs: options.timeoutMs ?? defaultTimeoutMs,
      maxBytes: maxBodyBytes,
      tls: endpoint.tls,
      // Too seldom for a pooled connection, which its owner may have closed.
      keepalive: false,
    });
  } catch (error) {
    return { kind: "failed", reason: error instanceof Error ? error.name : "unreachable" };
  }
  if (answer.status === 200) {
    const models = answer.isTruncated ? undefined : parseLoaded(source.format, answer.body);
    return models === undefined ? { kind: "no-list" } : { kind: "models", models, source };
  }
  if (isPassing(answer.status)) return { kind: "failed", reason: `HTTP ${answer.status}` };
  return { kind: "absent" };
}

function isPassing(status: number): boolean {
  return (status >= 500 && status !== 501) || status === 408 || status === 429;
}

function loadedUrl({ origin, basePath, profile }: Endpoint, path: string): string {
  return resolveKindUrl(origin + basePath, profile, path);
}
