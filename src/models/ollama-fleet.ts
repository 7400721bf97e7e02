import type { Endpoint } from "../endpoints/endpoint.ts";
import type { Clock } from "../lib/clock.ts";
import type { FetchLike } from "../lib/http-get.ts";
import { isObject, type JsonObject } from "../lib/json.ts";
import { EndpointQuestion } from "./endpoint-question.ts";
import { smallestVersion, spokenOllamaVersion } from "./ollama-version.ts";

/** What clients of Ollama's API ask about all endpoints together. Answers are had from the endpoints, live. */
export interface OllamaFleet {
  /**
   * `models` of `GET /api/ps`, in the order of the endpoints: each entry as its endpoint gave it, and beside it the
   * endpoint's name as `endpoint`. Endpoints that fail are left out. Never rejects.
   */
  loadedModels(endpoints: readonly Endpoint[]): Promise<readonly object[]>;
  /** The smallest version; a fixed one where nobody tells. Never rejects. */
  version(endpoints: readonly Endpoint[]): Promise<string>;
}

export interface OllamaFleetOptions {
  readonly clock: Clock;
  /** Of Olla. */
  readonly version: string;
  readonly fetch?: FetchLike;
}

const timeoutMs = 2000;
/** Chat UIs ask for what is loaded with every list of models. */
const loadedMaxAgeMs = 1000;
/** Versions change with an update of the endpoint, which nobody waits for. */
const versionMaxAgeMs = 60_000;

export function createOllamaFleet(options: OllamaFleetOptions): OllamaFleet {
  const loaded = new EndpointQuestion({
    ...options,
    path: "/api/ps",
    timeoutMs,
    maxAgeMs: loadedMaxAgeMs,
    read: readModels,
  });
  const versions = new EndpointQuestion({
    ...options,
    path: "/api/version",
    timeoutMs,
    maxAgeMs: versionMaxAgeMs,
    read: readVersion,
  });
  return {
    async loadedModels(endpoints) {
      const answers = await Promise.all(
        endpoints.map(async (endpoint) => {
          const models = (await loaded.ask(endpoint)) ?? [];
          return models
            .filter((entry) => endpoint.admitsModel(nameOf(entry)))
            .map((entry) => ({ ...entry, endpoint: endpoint.name }));
        }),
      );
      return answers.flat();
    },
    async version(endpoints) {
      const answers = await Promise.all(endpoints.map((endpoint) => versions.ask(endpoint)));
      return smallestVersion(answers.filter((answer) => answer !== undefined)) ?? spokenOllamaVersion;
    },
  };
}

/** Go programs write an empty list as null. */
function readModels(body: unknown): readonly JsonObject[] | undefined {
  const models = isObject(body) ? (body.models ?? []) : undefined;
  return Array.isArray(models) ? models.filter(isObject) : undefined;
}

function readVersion(body: unknown): string | undefined {
  return isObject(body) && typeof body.version === "string" ? body.version : undefined;
}

function nameOf({ name, model }: JsonObject): string {
  return String(name ?? model ?? "");
}
