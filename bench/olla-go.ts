import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { launch } from "./other-proxies.ts";
import { freePort, type Peer } from "./peers.ts";

/** What its own profile of vLLM says as far as a request meets it; without a folder of profiles it knows few kinds. */
const profile = {
  name: "vllm",
  version: "1.0",
  routing: { prefixes: ["vllm"] },
  api: {
    openai_compatible: true,
    paths: ["/v1/models", "/health", "/v1/chat/completions"],
    model_discovery_path: "/v1/models",
    health_check_path: "/health",
  },
  characteristics: { timeout: "2m", max_concurrent_requests: 100, streaming_support: true },
  request: { model_field_paths: ["model"], response_format: "vllm" },
  path_indices: { models: 0, health: 1, chat_completions: 2 },
  metrics: {
    extraction: {
      enabled: true,
      source: "response_body",
      format: "json",
      paths: {
        model: "$.model",
        finish_reason: "$.choices[0].finish_reason",
        input_tokens: "$.usage.prompt_tokens",
        output_tokens: "$.usage.completion_tokens",
        total_tokens: "$.usage.total_tokens",
      },
    },
  },
};

function configFor(port: number, upstreamPort: number): object {
  return {
    server: {
      host: "127.0.0.1",
      port,
      request_logging: false,
      request_limits: { max_body_size: 100 * 2 ** 20, max_header_size: 2 ** 20 },
      rate_limits: {
        global_requests_per_minute: 0,
        per_ip_requests_per_minute: 0,
        health_requests_per_minute: 0,
      },
    },
    proxy: { engine: "olla", profile: "auto", load_balancer: "priority" },
    discovery: {
      type: "static",
      model_discovery: { enabled: true, interval: "5m", timeout: "30s", concurrent_workers: 5 },
      static: {
        endpoints: [
          {
            url: `http://127.0.0.1:${upstreamPort}`,
            name: "fake",
            type: "vllm",
            priority: 100,
            model_url: "/v1/models",
            health_check_url: "/health",
            check_interval: "5s",
            check_timeout: "2s",
          },
        ],
      },
    },
    logging: { level: "error", format: "json", output: "stdout" },
  };
}

/** The program of the same name in Go, which reads JSON as the YAML that it is. */
export async function startOllaGo(file: string, folder: string, upstream: Peer): Promise<Peer> {
  const port = freePort();
  const home = join(folder, "olla-go");
  await mkdir(join(home, "config/profiles"), { recursive: true });
  await Bun.write(join(home, "config/profiles/vllm.yaml"), JSON.stringify(profile));
  const configFile = join(home, "config.yaml");
  await Bun.write(configFile, JSON.stringify(configFor(port, upstream.port)));
  const command = [resolve(file), "--config", configFile];
  return await launch({
    name: "olla-go",
    command,
    folder: home,
    port,
    path: "/olla/proxy/v1/chat/completions",
  });
}
