import type { ProxiedPath } from "./operation.ts";

/** All else: sent on to an endpoint, with the method and the body that it came with. */
export const proxiedPaths: readonly ProxiedPath[] = [
  {
    id: "proxy",
    path: "/olla/proxy/{path}",
    summary: "To any endpoint that has the model",
    description: "What is behind the prefix is the endpoint's own path, slashes included.",
  },
  {
    id: "proxyLocal",
    path: "/olla/local/{path}",
    summary: "The same, without endpoints of the tier `cloud`",
    description: "See docs/fairness-and-cloud.md.",
  },
  {
    id: "proxyProvider",
    path: "/olla/{provider}/{path}",
    summary: "To an endpoint of one kind",
    description: "Paths that make no sense in front of several endpoints are answered with 501.",
  },
  {
    id: "proxyMessages",
    path: "/olla/anthropic/v1/messages",
    summary: "Anthropic's Messages API, in front of every kind",
    description: "Passed through where the endpoint knows it, translated elsewhere: docs/anthropic-api.md.",
  },
  {
    id: "countTokens",
    path: "/olla/anthropic/v1/messages/count_tokens",
    summary: "How many tokens such a request has",
    description: "Asked of the endpoint, or estimated.",
  },
  {
    id: "proxyBareOpenai",
    path: "/v1/{path}",
    summary: "OpenAI's API without a prefix",
    description:
      "As `/olla/openai/v1/…`; Anthropic's `/v1/messages` as below `/olla/anthropic`. `server.bare_routes` switches it off.",
  },
  {
    id: "proxyBareOllama",
    path: "/api/{path}",
    summary: "Ollama's API without a prefix",
    description: "As `/olla/proxy/api/…`. `server.bare_routes` switches it off.",
  },
];
