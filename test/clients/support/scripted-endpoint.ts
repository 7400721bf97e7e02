import { type Exchange, SocketServer } from "../../support/socket-server.ts";
import { type Answer, isRefusal, type Refusal, renderSse, type WireEvent } from "./answer.ts";
import { chatBody, chatEvents } from "./speak-chat.ts";
import { messageBody, messageEvents } from "./speak-messages.ts";
import { responseBody, responseEvents } from "./speak-responses.ts";
import { faultOf } from "./strict-template.ts";
import { type Dialect, readTurn, type Turn } from "./turn.ts";

/** What the model says to a turn. Throwing fails the test that owns the endpoint. */
export type Script = (turn: Turn) => Answer | Refusal | Promise<Answer | Refusal>;

export interface ScriptedEndpointOptions {
  readonly models: readonly string[];
  readonly script: Script;
  /** Dialects it has routes for; the others are 404, as on a server that only speaks chat completions. */
  readonly speaks?: readonly Dialect[];
}

/** A request as it arrived, whatever it asked for. */
export interface Seen {
  readonly method: string;
  readonly target: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: unknown;
}

const dialectPaths: readonly (readonly [ending: string, dialect: Dialect])[] = [
  ["/v1/chat/completions", "chat"],
  ["/v1/messages", "messages"],
  ["/v1/responses", "responses"],
];

function dialectOf(path: string): Dialect | undefined {
  return dialectPaths.find(([ending]) => path.endsWith(ending))?.[1];
}

function parseBody(text: string): unknown {
  if (text === "") return undefined;
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new Error(`a client sent a body that is not JSON: ${text.slice(0, 200)}`, { cause });
  }
}

function eventsOf(turn: Turn, answer: Answer, ordinal: number): WireEvent[] {
  switch (turn.dialect) {
    case "chat": {
      const options = turn.body.stream_options as { include_usage?: boolean } | undefined;
      return chatEvents(answer, turn.model, ordinal, options?.include_usage === true);
    }
    case "messages":
      return messageEvents(answer, turn.model, ordinal);
    case "responses":
      return responseEvents(answer, turn.model, ordinal);
  }
}

const wholeBodies = { chat: chatBody, messages: messageBody, responses: responseBody } as const;

function refusalBody(dialect: Dialect, refusal: Refusal): unknown {
  if (dialect === "messages") {
    return { type: "error", error: { type: "api_error", message: refusal.message } };
  }
  return { error: { message: refusal.message, type: "api_error", param: null, code: null } };
}

/**
 * An inference server whose model says what a script lets it say, in the dialects that it speaks; in chat completions
 * one with the strictest of templates.
 */
export class ScriptedEndpoint implements AsyncDisposable {
  readonly #server: SocketServer;
  readonly #script: Script;
  readonly #models: readonly string[];
  readonly #speaks: readonly Dialect[];
  readonly #seen: Seen[] = [];
  readonly #turns: Turn[] = [];
  readonly #open = new Set<Exchange>();
  #isDead = false;

  constructor(options: ScriptedEndpointOptions) {
    this.#script = options.script;
    this.#models = options.models;
    this.#speaks = options.speaks ?? ["chat"];
    this.#server = new SocketServer((exchange) => this.#behave(exchange));
  }

  get url(): string {
    return this.#server.url;
  }

  /** Every request, probes too, oldest first. */
  get seen(): readonly Seen[] {
    return this.#seen;
  }

  /** Every inference request that it understood, oldest first. */
  get turns(): readonly Turn[] {
    return this.#turns;
  }

  /** As when the machine's process dies: what is open is reset, and so is every later request. */
  kill(): void {
    this.#isDead = true;
    for (const exchange of this.#open) exchange.reset();
    this.#open.clear();
  }

  async #behave(exchange: Exchange): Promise<void> {
    if (this.#isDead) return exchange.reset();
    this.#open.add(exchange);
    try {
      await this.#route(exchange);
    } finally {
      this.#open.delete(exchange);
    }
  }

  async #route(exchange: Exchange): Promise<void> {
    const path = exchange.target.split("?")[0] ?? "";
    const body = exchange.method === "POST" ? parseBody(exchange.text) : undefined;
    this.#seen.push({ method: exchange.method, target: exchange.target, headers: exchange.headers, body });
    const dialect = dialectOf(path);
    if (exchange.method === "POST" && dialect !== undefined && this.#speaks.includes(dialect)) {
      return await this.#infer(exchange, readTurn(dialect, body as Record<string, unknown>));
    }
    if (exchange.header("upgrade") !== undefined) return await exchange.respondJson({}, 426);
    if (path.endsWith("/v1/messages/count_tokens") && this.#speaks.includes("messages")) {
      return await exchange.respondJson({ input_tokens: 42 });
    }
    if (path.endsWith("/v1/embeddings")) return await exchange.respondJson(embeddingsOf(body));
    if (exchange.method === "GET" && path.endsWith("/v1/models")) {
      return await exchange.respondJson(modelList(this.#models, exchange.header("anthropic-version")));
    }
    if (path === "/" || path === "/health" || path === "/api/hello") return await exchange.respondJson({});
    return await exchange.respondJson({ error: { message: `no route ${path}` } }, 404);
  }

  async #infer(exchange: Exchange, turn: Turn): Promise<void> {
    this.#turns.push(turn);
    const ordinal = this.#turns.length;
    const fault = turn.dialect === "chat" ? faultOf(turn.body) : undefined;
    if (fault !== undefined) {
      return await exchange.respondJson(refusalBody("chat", { status: 400, message: fault }), 400);
    }
    const answer = await this.#script(turn);
    if (this.#isDead) return exchange.reset();
    if (isRefusal(answer)) {
      const { status, headers = {} } = answer;
      return await exchange.respondJson(refusalBody(turn.dialect, answer), status, headers);
    }
    if (answer.delayMs !== undefined) await Bun.sleep(answer.delayMs);
    if (!turn.stream) {
      return await exchange.respondJson(wholeBodies[turn.dialect](answer, turn.model, ordinal));
    }
    await exchange.startChunked(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-cache" });
    for (const [index, event] of eventsOf(turn, answer, ordinal).entries()) {
      if (index === answer.cutAfter) return this.kill();
      await exchange.chunk(renderSse(event));
    }
    await exchange.endChunked();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server[Symbol.asyncDispose]();
  }
}

function embeddingsOf(body: unknown): unknown {
  const { input, model, encoding_format } = body as Record<string, unknown>;
  const inputs = Array.isArray(input) ? input : [input];
  const numbers = new Float32Array([0.25, -0.5, 0.125]);
  const embedding =
    encoding_format === "base64" ? Buffer.from(numbers.buffer).toString("base64") : [...numbers];
  return {
    object: "list",
    model,
    data: inputs.map((_text, index) => ({ object: "embedding", index, embedding })),
    usage: { prompt_tokens: 3, total_tokens: 3 },
  };
}

function modelList(models: readonly string[], anthropicVersion: string | undefined): unknown {
  if (anthropicVersion === undefined) {
    return {
      object: "list",
      data: models.map((id) => ({ id, object: "model", created: 1, owned_by: "fake" })),
    };
  }
  return {
    data: models.map((id) => ({
      type: "model",
      id,
      display_name: id,
      created_at: "2026-11-20T20:50:12Z",
    })),
    has_more: false,
    first_id: models[0] ?? null,
    last_id: models.at(-1) ?? null,
  };
}
