import type { Handler } from "hono";
import { docsHome, projectHome } from "../../lib/docs-home.ts";
import type { ServerDependencies } from "../dependencies.ts";
import type { DirectEnv } from "../direct-env.ts";
import { jsonResponse } from "../json-response.ts";

/** What is built in; the list grows with the features. */
const capabilities: readonly string[] = [
  "load_balancing",
  "failover",
  "sticky_sessions",
  "health_checking",
  "model_unification",
  "endpoint_discovery",
];

/** What is there while the Messages API is on. */
const anthropicCapabilities: readonly string[] = [
  "message_translation",
  "translation_anthropic",
  "passthrough_anthropic",
];

/** `GET /version`. */
export function version({ settings, profiles }: ServerDependencies): Handler<DirectEnv> {
  const body = {
    name: "Olla",
    version: settings.version,
    edition: "Community",
    description: "One address in front of all your inference servers",
    build: {
      commit: settings.commit,
      date: settings.buildDate,
      // The key is what existing clients read; the value is the runtime that we have.
      go_version: settings.runtime,
      platform: settings.platform,
    },
    capabilities: settings.hasAnthropicRoutes ? [...capabilities, ...anthropicCapabilities] : capabilities,
    capabilities_experimental: [],
    supported_backends: profiles.names(),
    links: { homepage: projectHome, documentation: docsHome, releases: `${projectHome}/releases` },
    api: {
      version: "v1",
      endpoints: {
        health: "/internal/health",
        metrics: "/internal/metrics",
        process: "/internal/process",
        status: "/internal/status",
        version: "/version",
      },
    },
  };
  return () => jsonResponse(body);
}
