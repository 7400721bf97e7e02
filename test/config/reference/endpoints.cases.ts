import type { ReferenceCase } from "./reference-case.ts";

const basic = (user: string, password: string) => `Basic ${btoa(`${user}:${password}`)}`;

/** What an entry of `discovery.static.endpoints` may hold. Secret files hold `file of <path>`. */
export const endpointCases: readonly ReferenceCase[] = [
  {
    file: "bearer-tokens",
    env: { VENDOR_TOKEN: "vendor-secret" },
    endpoints: {
      vendor: {
        kind: "openai-compatible",
        priority: 10,
        checkIntervalMs: 60_000,
        checkTimeoutMs: 10_000,
        headers: { Authorization: "Bearer vendor-secret" },
      },
      guarded: { headers: { Authorization: "Bearer file of /run/secrets/guarded" } },
      lab: { headers: { Authorization: "Bearer nobody" } },
    },
  },
  {
    file: "api-keys",
    env: { GATEWAY_KEY: "gateway-secret" },
    endpoints: {
      gateway: { headers: { "X-Tenant-ID": "red", "X-Api-Key": "gateway-secret" } },
      "other-gateway": { kind: "litellm", headers: { "Api-Token": "file of /run/secrets/other" } },
    },
  },
  {
    file: "basic-auth",
    env: { HTPASSWD: "open sesame" },
    endpoints: {
      inline: { headers: { Authorization: basic("olla", "open sesame") } },
      files: {
        headers: { Authorization: basic("file of /run/secrets/user", "file of /run/secrets/password") },
      },
    },
  },
  {
    file: "own-headers",
    endpoints: {
      tenants: { headers: { "X-Tenant-ID": "blue", "X-Request-Source": "olla", "X-Numbers": "42" } },
    },
  },
  {
    file: "own-headers",
    about: "with the variable that one of them asks for",
    env: { TENANT: "green" },
    endpoints: {
      tenants: { headers: { "X-Tenant-ID": "green", "X-Request-Source": "olla", "X-Numbers": "42" } },
    },
  },
  {
    file: "model-filters",
    endpoints: {
      chat: {
        admits: ["llama3.2:1b", "Mistral-7B", "open-mistral"],
        refuses: ["qwen3:8b", "mistral-embed", "llama2-uncensored"],
      },
      vectors: { admits: ["nomic-embed-text", "bge-m3"], refuses: ["llama3.2:1b"] },
      // Some pages of the reference say that an empty list blocks everything; its code says otherwise.
      all: { admits: ["whatever"] },
    },
  },
  {
    file: "every-backend",
    endpoints: {
      b1: { kind: "ollama", modelsUrl: "http://b1.test:11434/api/tags" },
      b2: { kind: "lm-studio", modelsUrl: "http://b2.test:1234/api/v0/models" },
      b3: { kind: "llamacpp", healthUrl: "http://b3.test:8080/health" },
      b4: { kind: "vllm", healthUrl: "http://b4.test:8000/health" },
      b5: { kind: "vllm-mlx", healthUrl: "http://b5.test:8000/health" },
      b6: { kind: "sglang", healthUrl: "http://b6.test:30000/health" },
      b7: { kind: "lemonade", modelsUrl: "http://b7.test:8000/api/v1/models" },
      b8: { kind: "litellm", modelsUrl: "http://b8.test:4000/v1/models" },
      b9: { kind: "lmdeploy", healthUrl: "http://b9.test:23333/health" },
      b10: { kind: "docker-model-runner", modelsUrl: "http://b10.test:12434/engines/v1/models" },
      b11: { kind: "omlx", healthUrl: "http://b11.test:8000/health" },
      b12: { kind: "openai-compatible", healthUrl: "http://b12.test:9000/v1/models" },
    },
  },
  {
    file: "other-spellings",
    endpoints: {
      s1: { kind: "openai-compatible" },
      s2: { kind: "lm-studio" },
      s3: { kind: "docker-model-runner" },
      s4: { healthUrl: "http://s4.test:8080/", modelsUrl: "http://s4.test:8080/v1/models" },
      s5: { healthUrl: "http://s5.test:8081/", modelsUrl: "http://s5.test:8081/v1/models" },
      "s6.test:8082": { priority: 100 },
    },
    reported: ["advice discovery.static.endpoints[5].name"],
  },
  {
    file: "paths",
    endpoints: {
      below: {
        preservePath: true,
        healthUrl: "http://router.test:8080/api/health",
        modelsUrl: "http://router.test:8080/api/v1/models",
      },
      watched: { healthUrl: "http://monitor.test:9090/ollama", modelsUrl: "http://registry.test/models" },
      bare: { preservePath: false, modelsUrl: "http://bare.test:12434/engines/v1/models" },
    },
  },
  {
    file: "shared-settings",
    endpoints: {
      "twin-a": { kind: "ollama", priority: 40, checkIntervalMs: 9000 },
      "twin-b": { kind: "ollama", priority: 40, checkIntervalMs: 9000 },
    },
  },
];
