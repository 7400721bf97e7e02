import type { FleetBodies } from "../../src/cli/fleet-view.ts";

/** What an Olla in front of four endpoints says: one well, one busy, one that failed, one taken out. */
export const sampleBodies = {
  status: {
    proxy: { engine: "olla", profile: "auto", balancer: "least-connections" },
    system: {
      status: "degraded",
      endpoints_up: "3/4",
      success_rate: "98.5%",
      uptime: "2h 5m",
      start_time: "2026-11-28T14:15:00.000Z",
      version: "0.1.0",
      active_connections: 7,
      total_requests: 12_345,
      total_failures: 185,
      queue: { waiting: 2 },
      tokens: { requests: 12_000, input: 4_560_000, output: 987_654, cached: 0 },
    },
  },
  endpoints: {
    endpoints: [
      {
        name: "gpu-box",
        type: "vllm",
        status: "healthy",
        model_count: 1,
        request_count: 8_000,
        active_connections: 4,
        success_rate: "100%",
        avg_latency_ms: 850,
        circuit_breaker: { state: "closed" },
        queue: { depth: 2, limit: 4 },
      },
      {
        name: "desk",
        type: "ollama",
        status: "healthy",
        model_count: 12,
        loaded_models: ["llama3.2:latest"],
        request_count: 4_300,
        active_connections: 2,
        success_rate: "99.1%",
        avg_latency_ms: 2_340,
        circuit_breaker: { state: "closed", models: [{ model: "qwen", state: "open", retry_in: "9s" }] },
      },
      {
        name: "mac-studio",
        type: "lm-studio",
        status: "healthy",
        draining: true,
        model_count: 2,
        request_count: 45,
        active_connections: 1,
        success_rate: "100%",
        avg_latency_ms: 125,
        circuit_breaker: { state: "closed" },
      },
      {
        name: "attic",
        type: "ollama",
        status: "offline",
        model_count: 0,
        request_count: 0,
        active_connections: 0,
        success_rate: "N/A",
        circuit_breaker: { state: "open", retry_in: "12s" },
        issues: "unavailable",
      },
    ],
  },
  models: {
    model_aliases: [
      {
        name: "fast",
        targets: [
          { step: 1, model: "llama3.2:latest", endpoints: [{ name: "desk", status: "healthy" }] },
          { step: 2, model: "gpt-oss:20b", endpoints: [] },
        ],
      },
    ],
    model_groups: [
      {
        family: "llama",
        models: [
          {
            name: "llama3.2:latest",
            size: "1.88 GB",
            endpoints: ["desk", "mac-studio"],
            tokens: { requests: 3, input: 120_000, output: 45_000, cached: 0 },
          },
          { name: "nomic-embed-text", size: "261.60 MB", endpoints: ["desk"] },
        ],
      },
      {
        family: "unknown",
        models: [
          {
            name: "meta-llama/Llama-3.3-70B-Instruct-with-a-long-name",
            endpoints: ["gpu-box"],
            tokens: { requests: 9_000, input: 4_440_000, output: 942_654, cached: 0 },
          },
        ],
      },
    ],
  },
} satisfies FleetBodies;
