import type { MetricsExtraction } from "./metrics-block.ts";

/** The shapes of a model list that some backend answers with and that we can parse. */
export const listFormats = [
  "ollama",
  "lmstudio",
  "openai",
  "vllm",
  "vllm-mlx",
  "sglang",
  "lmdeploy",
  "llamacpp",
  "lemonade",
  "docker-model-runner",
] as const;
export type ListFormat = (typeof listFormats)[number];

/** A model list that Olla answers itself, out of its catalog, instead of asking one endpoint. */
export interface ProfileListing {
  /** Path below `/olla/<prefix>`, for example `/api/tags`. */
  readonly path: string;
  readonly format: ListFormat;
}

/** A path that makes no sense in front of several endpoints, and why. Answered with 501. */
export interface UnsupportedPath {
  readonly path: string;
  readonly reason: string;
}

/** What Olla can say for all endpoints of a kind together, in the words of that kind's own API. */
export const fleetAnswers = ["ollama-running", "ollama-ps", "ollama-version"] as const;
export type FleetAnswer = (typeof fleetAnswers)[number];

export interface FleetAnswerPath {
  readonly path: string;
  readonly answer: FleetAnswer;
}

/** How a backend says which of its models are in memory. */
export const loadedFormats = ["ollama", "lmstudio", "llamacpp", "llama-swap", "omlx"] as const;
export type LoadedFormat = (typeof loadedFormats)[number];

/** Where a backend says it. */
export interface LoadedModelsSource {
  readonly path: string;
  readonly format: LoadedFormat;
}

/** A response header by which a kind of backend can be known. */
export interface HeaderMark {
  readonly name: string;
  /** Case-insensitive; absent: whatever it says. */
  readonly value?: string;
}

/** A path that only one kind of backend answers in this way. */
export interface KindProbe {
  readonly path: string;
  /** Text of the answer's body. */
  readonly contains: string;
}

/** What the names of models give away to a kind of backend, where neither its lists nor `models.yaml` say it. */
export interface NameHints {
  /** All that match count. */
  readonly capabilities: readonly {
    /** `vision`, `embeddings`, `code`, `reasoning`, `rerank`, `tools`. */
    readonly capability: string;
    readonly include: readonly string[];
    readonly matches: (name: string) => boolean;
  }[];
  /** The first that matches counts. */
  readonly contexts: readonly {
    readonly pattern: string;
    readonly tokens: number;
    readonly matches: (name: string) => boolean;
  }[];
}

/** What a kind of backend can do of the Anthropic Messages API. */
export interface AnthropicSupport {
  readonly messagesPath: string;
  /** Whether it counts tokens at `<messagesPath>/count_tokens`. */
  readonly countsTokens: boolean;
  /** `no_tool_use`, `no_extended_thinking`, `no_vision`: requests with these are translated. */
  readonly limitations: readonly string[];
  /** It knows no chat completions: requests of every other dialect are put into this one. */
  readonly isOnlyDialect: boolean;
  /** Tokens that it is asked for where a client of another dialect names no limit: this API demands one. */
  readonly defaultMaxTokens: number;
}

/**
 * One kind of backend, as its YAML file in `profiles/` describes it. Everything here is read by something;
 * what nobody reads does not belong in the schema.
 */
export interface Profile {
  /** Canonical name: an endpoint's `type`, the value of `X-Olla-Backend-Type`. */
  readonly name: string;
  readonly displayName: string;
  /** Further spellings accepted as an endpoint's `type`. Prefixes are accepted as well. */
  readonly aliases: readonly string[];
  /** `/olla/<prefix>/…` routes that lead to endpoints of this kind only. */
  readonly prefixes: readonly string[];
  /** Whether endpoints of this kind also serve `/olla/openai/…`. */
  readonly openaiCompatible: boolean;
  readonly healthCheckPath: string;
  readonly modelDiscoveryPath: string;
  readonly listFormat: ListFormat;
  /** Where it has what OpenAI has below `/v1`; no trailing slash, `""` is the root. Requests for `/v1/…` go there. */
  readonly openaiBase: string;
  /** Request paths that backends of this kind answer; narrows the candidates of `/olla/proxy/…`. */
  readonly paths: readonly string[];
  readonly listings: readonly ProfileListing[];
  readonly unsupportedPaths: readonly UnsupportedPath[];
  /** Paths that Olla answers itself on this kind's routes, after asking the endpoints. */
  readonly fleetAnswers: readonly FleetAnswerPath[];
  /** Paths that change what an endpoint has: sent only to one that the client names. `/*` at the end: all below. */
  readonly managementPaths: readonly string[];
  /** Defaults for endpoints of this kind, in milliseconds; an endpoint's or a global setting made by the user wins. */
  readonly timeouts: {
    readonly connectMs?: number;
    readonly responseHeaderMs?: number;
    readonly readMs?: number;
  };
  /** How many requests such a backend handles well at once; the priority balancer prefers endpoints below it. */
  readonly maxConcurrentRequests: number;
  /**
   * `always`: what it lists is in memory. Else the places to ask, in this order, until one answers. Absent: nobody
   * can tell, and it is treated as neither warm nor cold.
   */
  readonly loadedModels?: "always" | readonly LoadedModelsSource[];
  /** Ports to look at on this host when no configuration names an endpoint. */
  readonly defaultPorts: readonly number[];
  /** What such a backend calls itself in the `owned_by` of its models. With the next two: how `type: auto` knows it. */
  readonly ownerMarks: readonly string[];
  /** Headers of its model list's answer. */
  readonly headerMarks: readonly HeaderMark[];
  /** Asked only where the model list does not tell. */
  readonly probes: readonly KindProbe[];
  /** Read when models are described. Those of `openai-compatible` count for every kind, after its own. */
  readonly nameHints?: NameHints;
  /** How such a backend speaks the Anthropic Messages API itself; undefined when it does not. */
  readonly anthropic?: AnthropicSupport;
  /** Where its answers tell tokens and times; without it nobody looks. */
  readonly metrics?: MetricsExtraction;
}

/** Whether `/olla/openai/…` leads to it: it speaks OpenAI's API, or Olla puts that into the only one that it speaks. */
export function servesOpenaiClients({ openaiCompatible, anthropic }: Profile): boolean {
  return openaiCompatible || anthropic?.isOnlyDialect === true;
}
