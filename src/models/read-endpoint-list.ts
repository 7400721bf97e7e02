import type { Endpoint } from "../endpoints/endpoint.ts";
import { resolveKindUrl } from "../endpoints/endpoint-url.ts";
import { questionHeadersOf } from "../endpoints/question-headers.ts";
import type { Clock } from "../lib/clock.ts";
import type { FetchLike } from "../lib/http-get.ts";
import { fallbackProfileName, type ProfileSet } from "../profiles/profile-set.ts";
import { type DetectedKind, detectKind, isListOf, kindOfList } from "./detect-kind.ts";
import {
  discoveryHeaders,
  fetchListAnswer,
  fetchModelList,
  ModelFetchError,
  type ModelFetchFault,
  type ModelFetchOptions,
} from "./fetch-model-list.ts";
import { ModelListError } from "./list-parsers/model-list-error.ts";
import { parseModelList } from "./list-parsers/parse-model-list.ts";
import type { Model } from "./model.ts";

export interface ReadEndpointListOptions {
  readonly profiles: ProfileSet;
  /** Whether the kind was found out, and is found out anew when the list is no list of that kind. */
  readonly isAuto: boolean;
  /** Find out the kind again, although the endpoint has one. */
  readonly mustDetect: boolean;
  /** For all tries together. */
  readonly timeoutMs: number;
  /** Tries in all, the first included. */
  readonly retryAttempts: number;
  /** Before the second try; doubles with each further one. */
  readonly retryBackoffMs: number;
  readonly clock: Clock;
  readonly version: string;
  readonly signal: AbortSignal;
  readonly fetch?: FetchLike;
}

/**
 * An endpoint's models, and its kind, which is found out where it is not known. Tries again after failures that may
 * pass. Throws `ModelFetchError` or `ModelListError`.
 */
export async function readEndpointList(
  endpoint: Endpoint,
  options: ReadEndpointListOptions,
): Promise<DetectedKind> {
  const { clock, signal } = options;
  const deadline = clock.now() + options.timeoutMs;
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await readOnce(endpoint, options, deadline - clock.now());
    } catch (error) {
      const delayMs = options.retryBackoffMs * 2 ** (attempt - 1);
      const isLate = clock.now() + delayMs >= deadline;
      if (attempt >= options.retryAttempts || isLate || signal.aborted || !mayPass(error)) throw error;
      await pause(delayMs, clock, signal);
    }
  }
}

async function readOnce(
  endpoint: Endpoint,
  options: ReadEndpointListOptions,
  timeoutMs: number,
): Promise<DetectedKind> {
  const { profiles, clock, version, signal, fetch } = options;
  const fetchOptions: ModelFetchOptions = {
    headers: discoveryHeaders(version, questionHeadersOf(endpoint)),
    timeoutMs,
    tls: endpoint.tls,
    clock,
    signal,
    ...(fetch === undefined ? {} : { fetch }),
  };
  const { profile } = endpoint;
  const isKnown = !endpoint.isAutoDetected;
  if (isKnown && !options.mustDetect) {
    if (!options.isAuto) return { profile, models: await readKnownKind(endpoint, fetchOptions) };
    const models = await readIfStillKind(endpoint, profiles, fetchOptions);
    if (models !== undefined) return { profile, models };
  }
  const detected = endpoint.hasOwnModelsUrl
    ? kindOfList(await fetchListAnswer(endpoint.modelsUrl, fetchOptions), profiles.all)
    : await detectKind(baseUrlOf(endpoint), {
        ...fetchOptions,
        profiles: profiles.all,
        ...(isKnown ? { known: profile } : {}),
      });
  if (detected === undefined) {
    throw new ModelListError("no answer is a model list of a known kind", { fault: "wrong-shape" });
  }
  return detected;
}

/** @returns `undefined` when something else seems to answer there now. Throws for what says nothing about that. */
async function readIfStillKind(
  endpoint: Endpoint,
  profiles: ProfileSet,
  options: ModelFetchOptions,
): Promise<readonly Model[] | undefined> {
  try {
    const answer = await fetchListAnswer(endpoint.modelsUrl, options);
    if (!isListOf(endpoint.profile, answer, profiles.all)) return undefined;
    return parseModelList(endpoint.profile.listFormat, answer.body).models;
  } catch (error) {
    const isGone = error instanceof ModelFetchError && (error.status === 404 || error.status === 405);
    if (isGone) return undefined;
    throw error;
  }
}

async function readKnownKind(endpoint: Endpoint, options: ModelFetchOptions): Promise<readonly Model[]> {
  const { listFormat, name, modelDiscoveryPath } = endpoint.profile;
  try {
    return parseModelList(listFormat, await fetchModelList(endpoint.modelsUrl, options)).models;
  } catch (error) {
    // A server's bare /models is often a web page, with the list at /v1/models.
    const isPage = error instanceof ModelListError && error.fault === "not-json";
    const isBarePath = /(?<!\/v1)\/models$/.test(new URL(endpoint.modelsUrl).pathname);
    if (!isPage || !isBarePath || name !== fallbackProfileName) throw error;
    const url = resolveKindUrl(baseUrlOf(endpoint), endpoint.profile, modelDiscoveryPath);
    return parseModelList(listFormat, await fetchModelList(url, options)).models;
  }
}

function baseUrlOf(endpoint: Endpoint): string {
  return endpoint.origin + endpoint.basePath;
}

const passingFaults: ReadonlySet<ModelFetchFault> = new Set([
  "unreachable",
  "timeout",
  "network",
  "server-status",
]);

function mayPass(error: unknown): boolean {
  return error instanceof ModelFetchError && passingFaults.has(error.fault);
}

/** Resolves after `delayMs`, or at once when the signal is aborted. */
function pause(delayMs: number, clock: Clock, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const finish = () => {
      cancel();
      signal.removeEventListener("abort", finish);
      resolve();
    };
    const cancel = clock.after(delayMs, finish);
    signal.addEventListener("abort", finish);
  });
}
