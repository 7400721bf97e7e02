import { type Behaviour, type Exchange, SocketServer } from "./socket-server.ts";
import { answerJson, completionOf } from "./upstream-behaviours.ts";
import { waitUntil } from "./wait-until.ts";

export type BackendKind = "ollama" | "openai-compatible" | "vllm" | "lm-studio";

export interface FakeUpstreamOptions {
  readonly kind?: BackendKind;
  readonly models?: readonly string[];
  /** What traffic gets; a chat completion when not given. */
  readonly behave?: Behaviour;
  /** What probes get; 200 when not given. */
  readonly health?: Behaviour;
  /** What asks for the model list get; the list of `models` in the kind's shape when not given. */
  readonly list?: Behaviour;
  /** What asks for the models in memory get; a 404 when not given. */
  readonly loaded?: Behaviour;
  /** Paths that get a 404 and are no traffic: APIs that the backend does not know. */
  readonly lacks?: readonly string[];
  /** Prefix of the health and list paths, for endpoints whose URL has a path. */
  readonly basePath?: string;
}

const paths: Readonly<Record<BackendKind, { health: string; list: string; loaded?: string }>> = {
  ollama: { health: "/", list: "/api/tags", loaded: "/api/ps" },
  "openai-compatible": { health: "/v1/models", list: "/v1/models", loaded: "/running" },
  vllm: { health: "/health", list: "/v1/models" },
  "lm-studio": { health: "/v1/models", list: "/api/v0/models" },
};

function modelList(kind: BackendKind, models: readonly string[]): unknown {
  switch (kind) {
    case "ollama":
      return {
        models: models.map((name) => ({
          name,
          model: name,
          modified_at: "2026-11-20T20:50:12Z",
          size: 380_901,
        })),
      };
    case "lm-studio":
      return {
        object: "list",
        data: models.map((id) => ({
          id,
          object: "model",
          type: "llm",
          state: "loaded",
          max_context_length: 4096,
        })),
      };
    case "vllm":
    case "openai-compatible":
      return {
        object: "list",
        data: models.map((id) => ({ id, object: "model", created: 1, owned_by: "fake" })),
      };
  }
}

/** A backend of some kind that is healthy, lists models, and treats traffic as the test scripts it. */
export class FakeUpstream implements AsyncDisposable {
  readonly kind: BackendKind;
  readonly #server: SocketServer;
  readonly #requests: Exchange[] = [];
  readonly #probes: Exchange[] = [];
  readonly #loadedAsks: Exchange[] = [];
  behave: Behaviour;
  health: Behaviour;
  list: Behaviour;
  loaded: Behaviour;

  constructor(options: FakeUpstreamOptions = {}) {
    this.kind = options.kind ?? "openai-compatible";
    this.behave = options.behave ?? answerJson(completionOf("hello"));
    this.list = options.list ?? answerJson(modelList(this.kind, options.models ?? ["tiny"]));
    this.loaded = options.loaded ?? answerJson({}, 404);
    const { health: healthPath, list: listPath, loaded: loadedPath } = paths[this.kind];
    this.health =
      options.health ?? (healthPath === listPath ? (exchange) => this.list(exchange) : answerJson({}));
    const base = options.basePath ?? "";
    this.#server = new SocketServer((exchange) => {
      if (options.lacks?.includes(exchange.target) === true)
        return answerJson({ detail: "Not Found" }, 404)(exchange);
      const isHealth = exchange.method === "GET" && exchange.target === `${base}${healthPath}`;
      const isList = exchange.method === "GET" && exchange.target === `${base}${listPath}`;
      if (exchange.method === "GET" && exchange.target === loadedPath) {
        this.#loadedAsks.push(exchange);
        return this.loaded(exchange);
      }
      if (!isHealth && !isList) {
        this.#requests.push(exchange);
        return this.behave(exchange);
      }
      this.#probes.push(exchange);
      return isHealth ? this.health(exchange) : this.list(exchange);
    });
  }

  get url(): string {
    return this.#server.url;
  }

  get port(): number {
    return this.#server.port;
  }

  /** Traffic in order of arrival, without probes and asks for the list. */
  get requests(): readonly Exchange[] {
    return this.#requests;
  }

  /** Health probes and asks for the model list. */
  get probes(): readonly Exchange[] {
    return this.#probes;
  }

  /** Asks for the models in memory. */
  get loadedAsks(): readonly Exchange[] {
    return this.#loadedAsks;
  }

  get openConnections(): number {
    return this.#server.openConnections;
  }

  get openedConnections(): number {
    return this.#server.openedConnections;
  }

  closeIdleConnections(): void {
    this.#server.closeIdleConnections();
  }

  /** The traffic request with that number, counted from 0, once it is there. */
  exchange(index = 0): Promise<Exchange> {
    return waitUntil(() => this.#requests[index], { what: `the upstream gets request ${index + 1}` });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server[Symbol.asyncDispose]();
  }
}
