import type { Exchange } from "../pipeline/exchange.ts";
import { createAnthropicApi } from "../translate/anthropic/anthropic-api.ts";
import type { ClientApi } from "../translate/client-api.ts";
import { ollamaEmbedApi, ollamaEmbeddingsApi } from "../translate/ollama/embed-api.ts";
import { ollamaChatApi, ollamaGenerateApi } from "../translate/ollama/ollama-apis.ts";
import type { ResponseStore } from "../translate/responses/response-store.ts";
import { createResponsesApi } from "../translate/responses/responses-api.ts";
import type { AppOptions } from "./options.ts";

/** Conversations that can be gone on from. */
export const storedResponseLimits = { maxCount: 2_000, maxBytes: 64 * 1024 * 1024 };

/** The APIs that not every endpoint knows, by the path behind the route's prefix. */
export function createClientApis(
  { config }: AppOptions,
  responses: ResponseStore,
): (exchange: Exchange) => ClientApi | undefined {
  const { anthropic } = config.translators;
  const apis = new Map<string, ClientApi>([
    ["/v1/responses", createResponsesApi(responses)],
    ["/api/chat", ollamaChatApi],
    ["/api/generate", ollamaGenerateApi],
    ["/api/embed", ollamaEmbedApi],
    ["/api/embeddings", ollamaEmbeddingsApi],
  ]);
  if (anthropic.enabled) {
    apis.set("/v1/messages", createAnthropicApi({ isPassthroughOn: anthropic.passthrough_enabled }));
  }
  return ({ upstreamPath, request, pinnedEndpoint }) =>
    request.method === "POST" && pinnedEndpoint === undefined ? apis.get(upstreamPath) : undefined;
}
