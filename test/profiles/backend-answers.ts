/** How one kind of backend answers, in recordings where there are any, else written by hand after its documentation. */
export interface BackendAnswers {
  readonly profile: string;
  /** Files below `test/fixtures/wire/`, by the path of the GET that they answer. */
  readonly files: Readonly<Record<string, string>>;
  /** GET paths that answer 200 with `{}`. */
  readonly plain: readonly string[];
  /** Where it answers chats and asks for embeddings, and the one route of Olla's that leads there. */
  readonly chatPath: string;
  readonly embeddingPath: string;
  /** Path below `/olla/<prefix>` of its own list, as Olla writes it, and the path of it here. */
  readonly prefix: string;
  readonly listPath: string;
  readonly models: readonly string[];
}

const openaiPaths = { chatPath: "/v1/chat/completions", embeddingPath: "/v1/embeddings" } as const;

/** A row for each built-in profile. */
export const backends: readonly BackendAnswers[] = [
  {
    ...openaiPaths,
    profile: "ollama",
    files: {
      "/api/tags": "ollama-0.32.15/get-api-tags.http",
      "/v1/models": "ollama-0.32.15/get-v1-models.http",
    },
    plain: ["/"],
    prefix: "ollama",
    listPath: "/api/tags",
    models: ["tiny-b:latest", "tiny-embed:latest", "tiny-tools:latest", "tiny:latest"],
  },
  {
    ...openaiPaths,
    profile: "llamacpp",
    // It answers Ollama's list path as well, with the same body.
    files: {
      "/v1/models": "llama-server-b10488/get-v1-models.http",
      "/api/tags": "llama-server-b10488/get-v1-models.http",
      "/health": "llama-server-b10488/get-health.http",
    },
    plain: ["/"],
    prefix: "llamacpp",
    listPath: "/v1/models",
    models: ["tiny"],
  },
  {
    ...openaiPaths,
    profile: "lm-studio",
    files: { "/api/v0/models": "lm-studio-handmade/get-api-v0-models.http" },
    plain: ["/v1/models", "/"],
    prefix: "lmstudio",
    listPath: "/api/v0/models",
    models: ["meta-llama-3.1-8b-instruct", "qwen2-vl-7b-instruct", "text-embedding-nomic-embed-text-v1.5"],
  },
  {
    ...openaiPaths,
    profile: "vllm",
    files: { "/v1/models": "vllm-handmade/get-v1-models.http" },
    plain: ["/health", "/version"],
    prefix: "vllm",
    listPath: "/v1/models",
    models: ["Qwen/Qwen2.5-7B-Instruct", "sql-lora"],
  },
  {
    ...openaiPaths,
    profile: "omlx",
    files: { "/v1/models": "omlx-handmade/get-v1-models.http" },
    plain: ["/health"],
    prefix: "omlx",
    listPath: "/v1/models",
    models: ["Qwen3-30B-A3B-4bit", "bge-m3-mlx"],
  },
  {
    ...openaiPaths,
    profile: "vllm-mlx",
    files: { "/v1/models": "vllm-mlx-handmade/get-v1-models.http" },
    plain: ["/health"],
    prefix: "vllm-mlx",
    listPath: "/v1/models",
    models: ["mlx-community/Llama-3.2-3B-Instruct-4bit"],
  },
  {
    ...openaiPaths,
    profile: "sglang",
    // Newer ones imitate Ollama's list too.
    files: {
      "/v1/models": "sglang-handmade/get-v1-models.http",
      "/api/tags": "ollama-0.32.15/get-api-tags.http",
    },
    plain: ["/health"],
    prefix: "sglang",
    listPath: "/v1/models",
    models: ["Qwen/Qwen2.5-VL-7B-Instruct", "my-lora"],
  },
  {
    ...openaiPaths,
    profile: "lmdeploy",
    files: { "/v1/models": "lmdeploy-handmade/get-v1-models.http" },
    plain: ["/health"],
    embeddingPath: "/pooling",
    prefix: "lmdeploy",
    listPath: "/v1/models",
    models: ["internlm/internlm2_5-7b-chat"],
  },
  {
    profile: "lemonade",
    files: {
      "/api/v1/models": "lemonade-handmade/get-api-v1-models.http",
      "/api/v0/models": "lemonade-handmade/get-api-v1-models.http",
      "/v1/models": "lemonade-handmade/get-api-v1-models.http",
      "/api/v1/health": "lemonade-handmade/get-api-v1-health.http",
    },
    plain: ["/"],
    chatPath: "/api/v1/chat/completions",
    embeddingPath: "/api/v1/embeddings",
    prefix: "lemonade",
    listPath: "/api/v1/models",
    models: ["Gemma-3-4b-it-GGUF", "Qwen2.5-0.5B-Instruct-CPU", "nomic-embed-text-v2-moe-GGUF"],
  },
  {
    ...openaiPaths,
    profile: "litellm",
    files: {
      "/v1/models": "litellm-handmade/get-v1-models.http",
      "/health/liveness": "litellm-handmade/get-health-liveness.http",
    },
    plain: ["/"],
    prefix: "litellm",
    listPath: "/v1/models",
    models: ["anthropic/claude-3-5-sonnet", "gpt-4o"],
  },
  {
    profile: "docker-model-runner",
    files: { "/engines/v1/models": "docker-model-runner-handmade/get-engines-v1-models.http" },
    plain: ["/"],
    chatPath: "/engines/v1/chat/completions",
    embeddingPath: "/engines/v1/embeddings",
    prefix: "dmr",
    listPath: "/engines/v1/models",
    models: ["ai/mxbai-embed-large", "ai/smollm2"],
  },
  {
    ...openaiPaths,
    profile: "openai-compatible",
    files: { "/v1/models": "llama-cpp-python-0.3.36/get-v1-models.http" },
    plain: [],
    prefix: "openai",
    listPath: "/v1/models",
    models: ["tiny", "tiny-embed"],
  },
];
