import { Secret } from "../lib/secret.ts";
import type { Endpoint } from "./endpoint.ts";

/**
 * The only version of the Messages API that there is, sent where nobody names one.
 * Source: https://docs.anthropic.com/en/api/versioning
 */
export const anthropicVersion = "2023-06-01";

/** What Olla's own questions (for health, for models) carry: what the kind demands, then the endpoint's own, which wins. */
export function questionHeadersOf({
  profile,
  requestHeaders,
}: Pick<Endpoint, "profile" | "requestHeaders">): Endpoint["requestHeaders"] {
  if (profile.anthropic?.isOnlyDialect !== true) return requestHeaders;
  return [["anthropic-version", new Secret(anthropicVersion)], ...requestHeaders];
}
