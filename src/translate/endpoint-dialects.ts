import type { Profile } from "../profiles/profile.ts";
import { anthropicEndpoint } from "./anthropic/endpoint/anthropic-endpoint.ts";
import type { EndpointDialect } from "./endpoint-dialect.ts";
import { openaiEndpoint } from "./openai/openai-endpoint.ts";

/** What an endpoint of this kind is spoken to in, where it does not know the client's own dialect. */
export function endpointDialectOf({ anthropic }: Profile): EndpointDialect {
  return anthropic?.isOnlyDialect === true ? anthropicEndpoint : openaiEndpoint;
}
