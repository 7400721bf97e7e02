import type { ReferenceCase } from "./reference-case.ts";

/** How requests travel, and which model goes where. */
export const routingCases: readonly ReferenceCase[] = [
  {
    file: "sticky-sessions",
    means: {
      "proxy.sticky_sessions.enabled": true,
      "proxy.sticky_sessions.idle_ttl_seconds": 1800,
      "proxy.sticky_sessions.max_sessions": 2500,
      "proxy.sticky_sessions.key_sources": ["session_header", "ip"],
      "proxy.sticky_sessions.prefix_hash_bytes": 1024,
    },
    endpoints: { "kv-a": {}, "kv-b": {} },
  },
  {
    file: "sticky-for-ever",
    means: {
      "proxy.sticky_sessions.idle_ttl_seconds": 0,
      "proxy.sticky_sessions.max_sessions": 0,
      "proxy.sticky_sessions.prefix_hash_bytes": 0,
    },
    endpoints: { alone: {} },
    reported: ["advice proxy.sticky_sessions.idle_ttl_seconds"],
  },
  {
    file: "streaming-profile",
    means: {
      "proxy.profile": "streaming",
      "proxy.stream_buffer_size": 16_384,
      "proxy.connection_timeout": 50_000,
      "proxy.response_timeout": 20 * 60_000,
      "proxy.read_timeout": 8 * 60_000,
    },
    endpoints: { tokens: { kind: "vllm" } },
    reported: ["advice proxy.response_timeout", "inert discovery.refresh_interval"],
  },
  {
    file: "standard-profile",
    means: { "proxy.engine": "sherpa", "proxy.profile": "standard", "proxy.stream_buffer_size": 32_768 },
    endpoints: { rest: { kind: "openai-compatible" } },
    reported: ["advice proxy.profile"],
  },
  {
    file: "slow-models",
    means: {
      "server.idle_timeout": 120_000,
      "proxy.connection_timeout": 45_000,
      "proxy.response_timeout": 0,
      "proxy.read_timeout": 0,
      "proxy.response_header_timeout": 6 * 60_000,
    },
    endpoints: {
      lemon: {
        kind: "lemonade",
        priority: 60,
        healthUrl: "http://localhost:8000/api/v1/health",
        checkIntervalMs: 20_000,
        checkTimeoutMs: 10_000,
      },
    },
    reported: [
      "inert proxy.connection_keep_alive",
      "advice proxy.read_timeout",
      "inert proxy.tls_handshake_timeout",
      "inert discovery.static.endpoints[0].tags",
    ],
  },
  {
    file: "older-retries",
    means: { "proxy.retry.max_attempts": 3, "proxy.retry.backoff": 750 },
    endpoints: { old: {} },
    reported: ["advice proxy.max_retries", "advice proxy.retry_backoff"],
  },
  {
    file: "retries",
    means: {
      "proxy.retry.enabled": true,
      "proxy.retry.on_connection_failure": false,
      "proxy.retry.max_attempts": 3,
    },
    endpoints: { again: {} },
    reported: ["inert discovery.health_check"],
  },
  {
    file: "aliases",
    means: {
      model_aliases: {
        "house-llama": ["llama3.1:8b", "llama-3.1-8b-instruct", "Meta-Llama-3.1-8B-Instruct.gguf"],
        "House-Coder": ["qwen2.5-coder:7b"],
      },
    },
    endpoints: { a: {}, b: {} },
  },
  {
    file: "refresh-on-a-miss",
    means: {
      "model_registry.routing_strategy.type": "discovery",
      "model_registry.routing_strategy.options.fallback_behavior": "none",
      "model_registry.routing_strategy.options.discovery_timeout": 6000,
      "model_registry.routing_strategy.options.discovery_refresh_on_miss": true,
    },
    endpoints: { asked: {} },
  },
  {
    file: "names-do-not-route",
    means: { "discovery.model_discovery.enabled": false },
    endpoints: { fast: {} },
  },
  {
    file: "no-unifier",
    means: {
      "model_registry.enable_unifier": false,
      "discovery.model_discovery.retry_attempts": 5,
      "discovery.model_discovery.retry_backoff": 2000,
    },
    endpoints: { plain: {} },
  },
  {
    file: "anthropic-passthrough",
    means: {
      "translators.anthropic.enabled": true,
      "translators.anthropic.passthrough_enabled": true,
      "translators.anthropic.max_message_size": 20_971_520,
      "proxy.read_timeout": 60_000,
    },
    endpoints: { passes: { kind: "llamacpp" } },
    reported: ["advice proxy.response_timeout"],
  },
  {
    file: "anthropic-translated",
    means: {
      "translators.anthropic.passthrough_enabled": false,
      "translators.anthropic.inspector.enabled": true,
      "translators.anthropic.inspector.output_dir": "captured/claude",
      "translators.anthropic.inspector.session_header": "X-Conversation",
    },
    endpoints: { translates: { kind: "sglang" }, "through-litellm": { kind: "litellm" } },
  },
  {
    file: "anthropic-off",
    means: { "translators.anthropic.enabled": false, "translators.anthropic.max_message_size": 10_485_760 },
    endpoints: { "openai-only": {} },
  },
  {
    file: "profile-filter",
    means: {
      "proxy.profile_filter.include": ["ollama", "openai*"],
      "proxy.profile_filter.exclude": ["*test*"],
    },
    endpoints: { only: { kind: "ollama" } },
  },
];
