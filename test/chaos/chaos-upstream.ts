import { type Exchange, SocketServer } from "../support/socket-server.ts";
import { completionOf, sseDone, sseToken } from "../support/upstream-behaviours.ts";

/**
 * `hung`: takes everything and says nothing until it is over, streams under way included, as a stopped process does.
 * `cutting`: begins every answer and breaks it off. `lying`: 200, and an error or nothing inside.
 */
export const troubles = ["killed", "hung", "resetting", "slow", "refusing", "cutting", "lying"] as const;
export type Trouble = (typeof troubles)[number];
export type Mode = "well" | Trouble;

/** What a chaos client asks for; the whole body of its request. */
export interface ChaosAsk {
  readonly model: string;
  readonly stream: boolean;
  /** Unlike any other request's. */
  readonly nonce: string;
  readonly tokens: number;
}

export function tokenText(nonce: string, index: number): string {
  return `${nonce}#${index};`;
}

export function wholeText({ nonce, tokens }: ChaosAsk): string {
  return Array.from({ length: tokens }, (_, index) => tokenText(nonce, index)).join("");
}

/** Longer than the `Retry-After` that is handed out and than breakers stay open. */
const aftermathMs = 1_200;

const eventStream = { "Content-Type": "text/event-stream" };

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** A backend whose mood is set from outside and which comes back on its own port after it was killed. */
export class ChaosUpstream implements AsyncDisposable {
  readonly name: string;
  readonly port: number;
  readonly #random: () => number;
  readonly #model: string;
  #server: SocketServer | undefined;
  #mode: Mode = "well";
  #resumed = Promise.withResolvers<void>();
  #wellSince = Number.NEGATIVE_INFINITY;
  /** Whole answers to requests that came once all `Retry-After` and open breakers of its bad time were over. */
  answersSinceWell = 0;
  requests = 0;
  /** Every `Authorization` that came in. */
  readonly authorizations = new Set<string>();

  constructor(name: string, model: string, random: () => number) {
    this.name = name;
    this.#model = model;
    this.#random = random;
    this.#server = new SocketServer((exchange) => this.#behave(exchange));
    this.port = this.#server.port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get mode(): Mode {
    return this.#mode;
  }

  get openConnections(): number {
    return this.#server?.openConnections ?? 0;
  }

  async become(mode: Mode): Promise<void> {
    if (mode === this.#mode) return;
    const before = this.#mode;
    this.#mode = mode;
    this.answersSinceWell = 0;
    this.#wellSince = performance.now();
    if (mode === "killed") await this.#kill();
    if (before === "killed") this.#server = new SocketServer((exchange) => this.#behave(exchange), this.port);
    this.#resumed.resolve();
    this.#resumed = Promise.withResolvers();
  }

  async #kill(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    await server?.[Symbol.asyncDispose]();
  }

  async #whileHung(): Promise<void> {
    while (this.#mode === "hung") await this.#resumed.promise;
  }

  async #behave(exchange: Exchange): Promise<void> {
    await this.#whileHung();
    if (this.#mode === "resetting") return exchange.reset();
    if (exchange.method === "GET") {
      return exchange.respondJson({
        object: "list",
        data: [{ id: this.#model, object: "model", created: 1 }],
      });
    }
    this.requests += 1;
    this.authorizations.add(exchange.header("authorization") ?? "");
    await this.#answer(exchange, JSON.parse(exchange.text) as ChaosAsk);
  }

  async #answer(exchange: Exchange, ask: ChaosAsk): Promise<void> {
    switch (this.#mode) {
      case "refusing":
        return this.#refuse(exchange);
      case "cutting":
        return this.#cut(exchange, ask);
      case "lying":
        return this.#lie(exchange, ask);
      case "slow":
        await delay(50 + this.#random() * 250);
        break;
      default:
        await delay(this.#random() * 10);
    }
    await this.#whileHung();
    await (ask.stream ? this.#stream(exchange, ask) : exchange.respondJson(completionOf(wholeText(ask))));
    if (!ask.stream) this.#noteAnswered(exchange);
  }

  async #stream(exchange: Exchange, ask: ChaosAsk): Promise<void> {
    await exchange.startChunked(200, eventStream);
    for (let index = 0; index < ask.tokens; index += 1) {
      if (this.#mode === "slow" || index % 8 === 7) await delay(this.#random() * 8);
      await this.#whileHung();
      await exchange.chunk(sseToken(tokenText(ask.nonce, index)));
    }
    await exchange.chunk(sseDone);
    await exchange.endChunked();
    this.#noteAnswered(exchange);
  }

  #noteAnswered(exchange: Exchange): void {
    if (exchange.receivedAt > this.#wellSince + aftermathMs) this.answersSinceWell += 1;
  }

  #refuse(exchange: Exchange): Promise<void> {
    const statuses = [409, 429, 502, 503, 504, 529];
    const status = statuses[Math.floor(this.#random() * statuses.length)] ?? 503;
    const headers: Record<string, string> = this.#random() < 0.2 ? { "Retry-After": "1" } : {};
    return exchange.respondJson({ error: { message: "not now" } }, status, headers);
  }

  async #cut(exchange: Exchange, ask: ChaosAsk): Promise<void> {
    if (!ask.stream) {
      const text = JSON.stringify(completionOf(wholeText(ask)));
      await exchange.head(200, {
        "Content-Type": "application/json",
        "Content-Length": String(text.length),
      });
      await exchange.write(text.slice(0, Math.floor(this.#random() * text.length)));
      return this.#breakOff(exchange, false);
    }
    await exchange.startChunked(200, eventStream);
    const until = Math.floor(this.#random() * ask.tokens);
    for (let index = 0; index < until; index += 1)
      await exchange.chunk(sseToken(tokenText(ask.nonce, index)));
    return this.#breakOff(exchange, true);
  }

  async #breakOff(exchange: Exchange, mayEndWell: boolean): Promise<void> {
    const draw = this.#random();
    if (mayEndWell && draw < 0.4) return exchange.endChunked();
    if (draw < 0.7) return exchange.close();
    exchange.reset();
  }

  async #lie(exchange: Exchange, ask: ChaosAsk): Promise<void> {
    // Only a stream can be seen to lie.
    if (!ask.stream) return this.#refuse(exchange);
    await exchange.startChunked(200, eventStream);
    if (this.#random() < 0.5)
      await exchange.chunk('data: {"error":{"message":"out of memory","code":500}}\n\n');
    await exchange.endChunked();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#mode = "well";
    this.#resumed.resolve();
    await this.#kill();
  }
}
