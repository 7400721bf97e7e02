import type { Endpoint } from "../../endpoints/endpoint.ts";

/** The ends of paths that are known well enough to stand in a span's name, and what they ask for, if of a model. */
const knownPaths: ReadonlyMap<string, string | undefined> = new Map([
  ["/v1/chat/completions", "chat"],
  ["/v1/messages", "chat"],
  ["/v1/responses", "chat"],
  ["/api/chat", "chat"],
  ["/v1/completions", "text_completion"],
  ["/api/generate", "text_completion"],
  ["/v1/embeddings", "embeddings"],
  ["/api/embed", "embeddings"],
  ["/api/embeddings", "embeddings"],
  // The conventions have no word for these; own ones are allowed.
  ["/v1/rerank", "rerank"],
  ["/v1/score", "rerank"],
  ["/v1/images/generations", "image_generation"],
  ["/v1/audio/speech", "speech"],
  ["/v1/audio/transcriptions", "transcription"],
  ["/v1/audio/translations", "transcription"],
  ["/v1/messages/count_tokens", undefined],
  ["/v1/models", undefined],
  ["/api/tags", undefined],
  ["/api/ps", undefined],
  ["/api/show", undefined],
  ["/api/version", undefined],
]);

/** A path as a span tells it. */
export interface KnownPath {
  /** For `http.route` and names: one of a bounded set. Undefined for a path that leads nowhere. */
  readonly route: string | undefined;
  /** `gen_ai.operation.name`; undefined where no model is asked for anything. */
  readonly operation: string | undefined;
}

/** What Olla answers itself may have anything in its path, also where it only says that there is no such thing. */
const ownLabels: ReadonlySet<string> = new Set(["models", "internal", "ui"]);

/** @param label Olla's own name of the route; `other` for a path that leads nowhere */
export function readPath(path: string, label: string | undefined): KnownPath {
  const isOwn = label === undefined || ownLabels.has(label);
  if (label === "other") return { route: undefined, operation: undefined };
  const isPrefixed = path.startsWith("/olla/");
  const prefixEnd = isPrefixed ? path.indexOf("/", "/olla/".length) : 0;
  // As the route is called, not as somebody spelled it.
  const prefix = isPrefixed ? `/olla/${isOwn ? "{route}" : label}` : "";
  const rest = prefixEnd < 0 ? "" : path.slice(prefixEnd);
  // OpenAI's clients append to a base that may end before `/v1`, and some endpoints answer at both.
  const found = [rest, `/v1${rest}`].find((candidate) => knownPaths.has(candidate));
  if (found === undefined) {
    return { route: isOwn ? undefined : `${prefix}/*`, operation: undefined };
  }
  return { route: prefix + rest, operation: knownPaths.get(found) };
}

const providersByHost: readonly (readonly [host: RegExp, provider: string])[] = [
  [/(?:^|\.)openai\.com$/, "openai"],
  [/(?:^|\.)anthropic\.com$/, "anthropic"],
  [/\.openai\.azure\.com$/, "azure.ai.openai"],
  [/\.(?:services\.ai|models\.ai)\.azure\.com$/, "azure.ai.inference"],
  [/^bedrock.*\.amazonaws\.com$/, "aws.bedrock"],
  [/^generativelanguage\.googleapis\.com$/, "gcp.gemini"],
  [/aiplatform\.googleapis\.com$/, "gcp.vertex_ai"],
  [/(?:^|\.)groq\.com$/, "groq"],
  [/(?:^|\.)mistral\.ai$/, "mistral_ai"],
  [/(?:^|\.)deepseek\.com$/, "deepseek"],
  [/(?:^|\.)cohere\.(?:com|ai)$/, "cohere"],
  [/(?:^|\.)perplexity\.ai$/, "perplexity"],
  [/^api\.x\.ai$/, "x_ai"],
  [/(?:^|\.)moonshot\.(?:ai|cn)$/, "moonshot_ai"],
];

/** `gen_ai.provider.name`: the conventions' own word for a known host, else the kind of the endpoint. */
export function providerOf({ profile }: Endpoint, host: string): string {
  const known = providersByHost.find(([pattern]) => pattern.test(host))?.[1];
  // Whoever speaks OpenAI's API and is nobody we know counts as OpenAI to the conventions.
  return known ?? (profile.name === "openai-compatible" ? "openai" : profile.name);
}
