import type { EndpointRegistry } from "../endpoints/endpoint-registry.ts";
import type { Exchange } from "../pipeline/exchange.ts";
import { createAnthropicApi } from "../translate/anthropic/anthropic-api.ts";
import type { ClientApi } from "../translate/client-api.ts";
import { ollamaEmbedApi, ollamaEmbeddingsApi } from "../translate/ollama/embed-api.ts";
import { ollamaChatApi, ollamaGenerateApi } from "../translate/ollama/ollama-apis.ts";
import { createChatCompletionsApi } from "../translate/openai/client/chat-completions-api.ts";
import { createUntranslatableApi } from "../translate/openai/client/untranslatable-api.ts";
import { ResponseStore } from "../translate/responses/response-store.ts";
import { createResponsesApi } from "../translate/responses/responses-api.ts";
import type { AppOptions } from "./options.ts";

/** Conversations that can be gone on from. */
export const storedResponseLimits = { maxCount: 2_000, maxBytes: 64 * 1024 * 1024 };

export interface ClientApis {
  find(exchange: Exchange): ClientApi | undefined;
  /** Other settings are in force: from now on it serves only the requests that have begun. */
  retire(): void;
}

/**
 * The APIs that not every endpoint knows, by the path behind the route's prefix. OpenAI's own are among them only while
 * there is an endpoint that does not know them: nearly every request is one of these, and passes without a look.
 */
export function createClientApis(
  { config }: AppOptions,
  responses: ResponseStore,
  registry: Pick<EndpointRegistry, "snapshot" | "onEndpointsReplaced">,
): ClientApis {
  const { anthropic } = config.translators;
  // One for each key that has asked: nobody goes on from what another key was told.
  const responsesApis = new Map<string | undefined, ClientApi>();
  const responsesApiFor = (owner: string | undefined): ClientApi => {
    const known = responsesApis.get(owner);
    if (known !== undefined) return known;
    const api = createResponsesApi(new ResponseStore(responses, owner));
    responsesApis.set(owner, api);
    return api;
  };
  const usual = new Map<string, ClientApi>([
    ["/api/chat", ollamaChatApi],
    ["/api/generate", ollamaGenerateApi],
    ["/api/embed", ollamaEmbedApi],
    ["/api/embeddings", ollamaEmbeddingsApi],
  ]);
  if (anthropic.enabled) {
    usual.set("/v1/messages", createAnthropicApi({ isPassthroughOn: anthropic.passthrough_enabled }));
  }
  const withCommon = new Map([...usual, ...commonApis()]);
  const choose = () =>
    registry.snapshot().some(({ endpoint }) => endpoint.profile.anthropic?.isOnlyDialect === true)
      ? withCommon
      : usual;
  let apis = choose();
  const unfollow = registry.onEndpointsReplaced(() => {
    apis = choose();
  });
  return {
    find({ upstreamPath, request, pinnedEndpoint, clientKey }) {
      if (request.method !== "POST" || pinnedEndpoint !== undefined) return undefined;
      return upstreamPath === "/v1/responses" ? responsesApiFor(clientKey?.name) : apis.get(upstreamPath);
    },
    retire: unfollow,
  };
}

/** With and without OpenAI's version, for clients that leave it out. */
function commonApis(): readonly (readonly [path: string, api: ClientApi])[] {
  return ["/v1", ""].flatMap((version): [string, ClientApi][] => [
    [`${version}/chat/completions`, createChatCompletionsApi(`${version}/chat/completions`)],
    [`${version}/completions`, createUntranslatableApi("completions", `${version}/completions`)],
    [`${version}/embeddings`, createUntranslatableApi("embeddings", `${version}/embeddings`)],
  ]);
}
