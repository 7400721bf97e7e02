/**
 * Which names the conventions for generative AI have: those of `semantic-conventions` v1.41, the last version before
 * they moved to a repository of their own, or what they have become there since.
 */
export type Convention = "v1.41" | "latest";

/** What of a call is told, and under which name in each version. The names of v1.41 stay where nothing was renamed. */
export const genAiNames = {
  operation: { "v1.41": "gen_ai.operation.name" },
  provider: { "v1.41": "gen_ai.provider.name" },
  requestModel: { "v1.41": "gen_ai.request.model" },
  isStream: { "v1.41": "gen_ai.request.stream" },
  responseModel: { "v1.41": "gen_ai.response.model" },
  finishReasons: { "v1.41": "gen_ai.response.finish_reasons" },
  timeToFirstChunk: { "v1.41": "gen_ai.response.time_to_first_chunk" },
  inputTokens: { "v1.41": "gen_ai.usage.input_tokens" },
  outputTokens: { "v1.41": "gen_ai.usage.output_tokens" },
  cacheReadTokens: { "v1.41": "gen_ai.usage.cache_read.input_tokens" },
  cacheCreationTokens: {
    "v1.41": "gen_ai.usage.cache_creation.input_tokens",
    latest: "gen_ai.usage.cache_write.input_tokens",
  },
  reasoningTokens: { "v1.41": "gen_ai.usage.reasoning.output_tokens" },
} as const satisfies Record<string, { "v1.41": string; latest?: string }>;

export type GenAiMeasurement = keyof typeof genAiNames;

export const schemaUrls: Readonly<Record<Convention, string>> = {
  "v1.41": "https://opentelemetry.io/schemas/1.41.0",
  latest: "https://opentelemetry.io/schemas/gen-ai/1.42.0",
};

export function genAiName(measurement: GenAiMeasurement, convention: Convention): string {
  const names: { readonly "v1.41": string; readonly latest?: string } = genAiNames[measurement];
  return names[convention] ?? names["v1.41"];
}

/** The conventions for HTTP and errors, and what belongs to no convention because only Olla knows it. */
export const spanNames = {
  method: "http.request.method",
  methodOriginal: "http.request.method_original",
  route: "http.route",
  status: "http.response.status_code",
  requestBytes: "http.request.body.size",
  responseBytes: "http.response.body.size",
  path: "url.path",
  scheme: "url.scheme",
  client: "client.address",
  userAgent: "user_agent.original",
  serverAddress: "server.address",
  serverPort: "server.port",
  errorType: "error.type",
  requestId: "olla.request_id",
  ollaRoute: "olla.route",
  key: "olla.key",
  requestedModel: "olla.requested_model",
  model: "olla.model",
  endpoint: "olla.endpoint",
  backendType: "olla.backend_type",
  tier: "olla.tier",
  isStream: "olla.stream",
  ending: "olla.ending",
  attempts: "olla.attempts",
  attempt: "olla.attempt",
  heldBack: "olla.held_back",
  queueMs: "olla.queue_ms",
  firstSentMs: "olla.time_to_first_byte_ms",
  sticky: "olla.sticky",
  strategy: "olla.routing.strategy",
  action: "olla.routing.action",
  reason: "olla.routing.reason",
  api: "olla.api",
  isTranslated: "olla.translated",
} as const satisfies Record<string, string>;
