import { lastChunk, toBytes } from "./bytes.ts";
import type { Behaviour, Exchange } from "./socket-server.ts";

const sseHead = { "Content-Type": "text/event-stream", "Cache-Control": "no-cache" };

export function completionOf(content: string, model = "tiny"): unknown {
  return {
    id: "chatcmpl-1",
    object: "chat.completion",
    created: 1795207903,
    model,
    choices: [{ index: 0, message: { role: "assistant", content }, finish_reason: "stop" }],
    usage: { prompt_tokens: 3, completion_tokens: 1, total_tokens: 4 },
  };
}

export function sseToken(content: string, model = "tiny"): string {
  const choices = [{ index: 0, delta: { content }, finish_reason: null }];
  return `data: ${JSON.stringify({ id: "chatcmpl-1", object: "chat.completion.chunk", created: 1795207903, model, choices })}\n\n`;
}

export const sseDone = "data: [DONE]\n\n";

export function answerJson(
  value: unknown,
  status = 200,
  headers: Readonly<Record<string, string>> = {},
): Behaviour {
  return (exchange) => exchange.respondJson(value, status, headers);
}

export function answerHtml(status = 200): Behaviour {
  return (exchange) =>
    exchange.respond(status, { "Content-Type": "text/html" }, "<html><body>It works!</body></html>");
}

export function answerGzip(value: unknown): Behaviour {
  const body = Bun.gzipSync(toBytes(JSON.stringify(value)) as Uint8Array<ArrayBuffer>);
  return (exchange) =>
    exchange.respond(200, { "Content-Type": "application/json", "Content-Encoding": "gzip" }, body);
}

export function redirectTo(location: string, status = 307): Behaviour {
  return (exchange) => exchange.respond(status, { Location: location }, "");
}

/** The request is read, and nothing ever comes back: a model that thinks. */
export const hangBeforeHead: Behaviour = () => {};

/** All tokens at once, with a proper end. */
export function streamTokens(tokens: readonly string[]): Behaviour {
  return async (exchange) => {
    await exchange.startChunked(200, sseHead);
    for (const token of tokens) await exchange.chunk(sseToken(token));
    await exchange.chunk(sseDone);
    await exchange.endChunked();
  };
}

/** Some tokens, then silence on an open connection. */
export function hangAfterTokens(tokens: readonly string[]): Behaviour {
  return async (exchange) => {
    await exchange.startChunked(200, sseHead);
    for (const token of tokens) await exchange.chunk(sseToken(token));
  };
}

export const resetBeforeHead: Behaviour = (exchange) => exchange.reset();

/** An orderly end where a response head should be. */
export const closeBeforeHead: Behaviour = (exchange) => exchange.close();

/** Tokens and a reset at once: what arrived of them may be lost on the way, as the receiver learns of both together. */
export function resetAfterTokens(tokens: readonly string[]): Behaviour {
  return async (exchange) => {
    await hangAfterTokens(tokens)(exchange);
    exchange.reset();
  };
}

/** Claims more bytes than it sends, then ends in good order. */
export function claimLength(claimed: number, body: string, contentType = "application/json"): Behaviour {
  return async (exchange) => {
    await exchange.head(200, { "Content-Type": contentType, "Content-Length": String(claimed) });
    await exchange.write(body);
    exchange.close();
  };
}

/** Bytes that are no HTTP at all. */
export const sendGarbage: Behaviour = async (exchange) => {
  await exchange.write("\u0000\u0001 this is not HTTP at all\r\n\r\n");
  exchange.close();
};

/** A head that breaks off in the middle of a header line. */
export const truncateHead: Behaviour = async (exchange) => {
  await exchange.write("HTTP/1.1 200 OK\r\nContent-Type: applica");
  exchange.close();
};

/** A stream whose tokens the test pushes one by one, for one exchange. */
export class TokenStream {
  readonly #exchange: Exchange;

  private constructor(exchange: Exchange) {
    this.#exchange = exchange;
  }

  static async start(
    exchange: Exchange,
    headers: Readonly<Record<string, string>> = sseHead,
  ): Promise<TokenStream> {
    await exchange.startChunked(200, headers);
    return new TokenStream(exchange);
  }

  push(token: string): Promise<void> {
    return this.#exchange.chunk(sseToken(token));
  }

  /** One line of a newline-delimited JSON stream. */
  pushLine(value: unknown): Promise<void> {
    return this.#exchange.chunk(`${JSON.stringify(value)}\n`);
  }

  async end(): Promise<void> {
    await this.#exchange.chunk(sseDone);
    await this.#exchange.write(lastChunk);
    this.#exchange.finish();
  }

  endWithoutDone(): Promise<void> {
    return this.#exchange.endChunked();
  }

  /** A TCP reset in the middle of the stream. */
  reset(): void {
    this.#exchange.reset();
  }

  /** An orderly end of the connection, without the terminating chunk. */
  truncate(): void {
    this.#exchange.close();
  }
}
