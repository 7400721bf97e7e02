import { findDeadPort } from "./dead-port.ts";
import { FakeUpstream } from "./fake-upstream.ts";
import type { EndpointSettings, OllaSettings } from "./olla-config.ts";
import type { Behaviour, Exchange } from "./socket-server.ts";
import { answerJson, completionOf, hangAfterTokens, sseToken, streamTokens } from "./upstream-behaviours.ts";
import { waitUntil } from "./wait-until.ts";

export const adminKey = "canary-admin-key-of-the-busy-fleet";
export const clientKey = "canary-client-key-of-the-busy-fleet";

/** Endpoints of several kinds, and what goes well and wrong at them: for tests of everything that Olla says about itself. */
export class BusyFleet implements AsyncDisposable {
  readonly #upstreams: FakeUpstream[] = [];
  readonly #leave = new AbortController();
  readonly settings: OllaSettings;

  /** @param logPath of the request log */
  constructor(logPath: string) {
    this.settings = {
      readiness: "listening",
      endpoints: this.#endpoints(),
      server: { admin: { key: adminKey } },
      proxy: {
        engine: "olla",
        max_retries: 1,
        circuit_breaker: { failure_threshold: 2, open_duration: "10m" },
        sticky_sessions: { enabled: true },
        prefer_loaded: true,
      },
      sections: {
        auth: { keys: [{ name: "ann", hash: `sha256:${sha256(clientKey)}` }] },
        model_aliases: { quick: [{ model: "tiny", endpoint: "gpu-box" }, "llama3.2:latest"] },
        request_log: { enabled: true, path: logPath },
        telemetry: { metrics: { bare_route: true } },
      },
    };
  }

  #start(options: ConstructorParameters<typeof FakeUpstream>[0]): string {
    const upstream = new FakeUpstream(options);
    this.#upstreams.push(upstream);
    return upstream.url;
  }

  #endpoints(): EndpointSettings[] {
    const gpuBox = {
      kind: "vllm" as const,
      behave: byModel,
      list: listOf([
        { ...entry("tiny"), max_model_len: 131_072 },
        ...["broken", "spent", "mistral-7b-32k"].map(entry),
      ]),
    };
    const open = "openai-compatible";
    const faulty = { kind: "vllm" as const, models: ["bad-a", "bad-b", "bad-c"], behave: outOfMemory };
    const tired = { kind: "vllm" as const, models: ["tired"], behave: askedToWait };
    const studio = { kind: "lm-studio" as const, list: listOf([studioEntry]) };
    const docker = { behave: listOf([entry("ai/smol")]) };
    return [
      { name: "gpu-box", type: "vllm", url: this.#start(gpuBox), max_concurrent: 2, priority: 300 },
      { name: "desk", type: "ollama", url: this.#start(ollamaBox("llama3.2:latest")) },
      { name: "attic", type: "ollama", url: this.#start(ollamaBox("llama-of-the-attic:latest")) },
      { name: "studio", type: "lm-studio", url: this.#start(studio) },
      { name: "lemon", type: "lemonade", url: this.#start({ behave: listOf([entry("lemon-8b")]) }) },
      { name: "docker", type: "docker-model-runner", url: this.#start(docker) },
      { name: "open", type: open, url: this.#start({ models: ["plain"] }) },
      { name: "provider", type: open, url: this.#start({ models: ["remote"] }), tier: "cloud" },
      { name: "drained", type: open, url: this.#start({ models: ["rested"] }) },
      { name: "faulty", type: "vllm", url: this.#start(faulty) },
      { name: "tired", type: "vllm", url: this.#start(tired) },
      { name: "dead", type: "vllm", url: `http://127.0.0.1:${findDeadPort()}` },
    ];
  }

  /** Sends what leaves a trace in every table: successes, streams, translations, refusals, failures, one that goes on. */
  async makeTraffic(url: string): Promise<void> {
    await waitUntil(() => this.#isKnown(url), { deadlineMs: 10_000, what: "all endpoints are known" });
    const openai = "/olla/openai/v1/chat/completions";
    await send(url, openai, chat("quick"));
    await send(url, openai, chat("tiny", { stream: true }));
    await send(url, openai, chat("tiny", { stream: true }));
    await send(url, "/olla/anthropic/v1/messages", chat("tiny", { max_tokens: 10 }));
    await send(url, "/olla/proxy/api/chat", chat("llama3.2:latest", { stream: false }));
    await send(url, openai, chat("nobody-has-this"));
    await send(url, openai, chat("remote"));
    // Twice each, which is where a breaker opens; of an endpoint when three of its models are bad.
    const failing = ["broken", "bad-a", "bad-b", "bad-c"].flatMap((model) => [model, model]);
    for (const model of [...failing, "spent", "tired"]) await send(url, openai, chat(model));
    await readInternal(url, "endpoints/drained/drain", "POST");
    // Ends with the fleet.
    const staying = ask(url, openai, chat("tiny", { stream: true, user: "stays" }), this.#leave.signal);
    void staying.then((answer) => answer.text()).catch(ignoreAbort);
    await waitUntil(async () => (await liveOf(url)).some(({ phase }) => phase === "streaming"), {
      what: "a request is under way",
    });
  }

  async #isKnown(url: string): Promise<boolean> {
    const { endpoints } = await readInternal<{ endpoints: EndpointRow[] }>(url, "status/endpoints");
    return endpoints.every(({ name, status, model_count }) =>
      name === "dead" ? status !== "unknown" : status === "healthy" && model_count > 0,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#leave.abort();
    for (const upstream of this.#upstreams) await upstream[Symbol.asyncDispose]();
  }
}

/** One that has the same model as others of its kind, under a name of its own. */
function ollamaBox(model: string): ConstructorParameters<typeof FakeUpstream>[0] {
  const listed = {
    name: model,
    model,
    modified_at: "2026-11-20T20:50:12Z",
    size: 2_019_393_189,
    digest: "a80c4f17acd55265feec403c7aef86be0c25983ab279d83f3bcd3abbcb5b8b72",
    details: { format: "gguf", family: "llama", parameter_size: "3.2B", quantization_level: "Q4_K_M" },
  };
  return {
    kind: "ollama",
    behave: answerJson({
      model,
      created_at: "2026-11-20T20:50:12Z",
      message: { role: "assistant", content: "hello" },
      done: true,
      done_reason: "stop",
      prompt_eval_count: 3,
      eval_count: 20,
      eval_duration: 400_000_000,
    }),
    list: answerJson({ models: [listed] }),
    loaded: answerJson({ models: [{ ...listed, size_vram: 1 }] }),
  };
}

const studioEntry = {
  id: "phi-4",
  object: "model",
  type: "llm",
  publisher: "microsoft",
  arch: "phi3",
  compatibility_type: "gguf",
  quantization: "Q4_K_M",
  state: "loaded",
  max_context_length: 16_384,
  capabilities: ["tool_use"],
};

function entry(id: string): object {
  return { id, object: "model", created: 1, owned_by: "fake" };
}

function listOf(data: readonly object[]): Behaviour {
  return answerJson({ object: "list", data });
}

const outOfMemory = answerJson({ error: { message: "out of memory" } }, 502);
const askedToWait = answerJson({ error: { message: "no room" } }, 503, { "Retry-After": "300" });

/** What becomes of a request is said by the model that it is for. */
const byModel: Behaviour = (exchange: Exchange) => {
  const { model, stream, user } = JSON.parse(exchange.text || "{}");
  if (model === "broken") return outOfMemory(exchange);
  if (model === "spent") return answerJson({ error: {} }, 429, { "Retry-After": "300" })(exchange);
  if (user === "stays") return hangAfterTokens([sseToken("hel")])(exchange);
  if (stream === true) return streamTokens(["hel", "lo"])(exchange);
  const usage = { prompt_tokens: 30, completion_tokens: 1, prompt_tokens_details: { cached_tokens: 20 } };
  return answerJson({ ...(completionOf("hello", model) as object), usage })(exchange);
};

function chat(model: string, more: object = {}): string {
  return JSON.stringify({ model, messages: [{ role: "user", content: "Hello" }], ...more });
}

function ask(url: string, path: string, body: string, signal?: AbortSignal): Promise<Response> {
  const headers = { Authorization: `Bearer ${clientKey}`, "X-Olla-Session-ID": "one" };
  return fetch(`${url}${path}`, { method: "POST", body, headers, ...(signal && { signal }) });
}

async function send(url: string, path: string, body: string): Promise<void> {
  await (await ask(url, path, body)).arrayBuffer();
}

interface EndpointRow {
  readonly name: string;
  readonly status: string;
  readonly model_count: number;
}

async function readInternal<Body>(url: string, path: string, method = "GET"): Promise<Body> {
  const headers = { Authorization: `Bearer ${adminKey}` };
  return (await (await fetch(`${url}/internal/${path}`, { method, headers })).json()) as Body;
}

async function liveOf(url: string): Promise<readonly { readonly phase: string }[]> {
  return (await readInternal<{ requests: { phase: string }[] }>(url, "live")).requests;
}

function ignoreAbort(error: unknown): void {
  if (!(error instanceof Error && error.name === "AbortError")) throw error;
}

function sha256(text: string): string {
  return new Bun.CryptoHasher("sha256").update(text).digest("hex");
}
