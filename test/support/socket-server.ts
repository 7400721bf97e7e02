import type { Socket, TCPSocketListener } from "bun";
import { chunkOf, concatBytes, lastChunk, toBytes, toText } from "./bytes.ts";
import { ByteBuffer, parseHead, parseMessage } from "./http-message.ts";
import { waitUntil } from "./wait-until.ts";

export type HeaderLines = Readonly<Record<string, string>> | readonly (readonly [string, string])[];

const reasons: Readonly<Record<number, string>> = {
  200: "OK",
  204: "No Content",
  304: "Not Modified",
  404: "Not Found",
};

interface Connection {
  readonly ordinal: number;
  readonly received: ByteBuffer;
  readonly gone: PromiseWithResolvers<number>;
  readonly socket: Socket<Connection>;
  outbox: { bytes: Uint8Array; sent: () => void }[];
  current: Exchange | undefined;
}

function renderHead(status: number, headers: HeaderLines): string {
  const lines = (Array.isArray(headers) ? headers : Object.entries(headers)) as [string, string][];
  const start = `HTTP/1.1 ${status} ${reasons[status] ?? "Status"}`;
  return `${[start, ...lines.map(([name, value]) => `${name}: ${value}`)].join("\r\n")}\r\n\r\n`;
}

function flush(connection: Connection): void {
  for (let next = connection.outbox[0]; next !== undefined; next = connection.outbox[0]) {
    const written = Math.max(0, connection.socket.write(next.bytes));
    if (written < next.bytes.length) {
      next.bytes = next.bytes.subarray(written);
      return;
    }
    connection.outbox.shift();
    next.sent();
  }
}

/** One request as an upstream got it, and full control over the bytes of its answer. */
export class Exchange {
  readonly method: string;
  /** Path and query, as on the wire. */
  readonly target: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Uint8Array;
  /** Which TCP connection brought it, counted from 1. */
  readonly connection: number;
  /** `performance.now()` when the request was complete. */
  readonly receivedAt: number;
  readonly #connection: Connection;

  constructor(
    connection: Connection,
    message: { startLine: string; headers: Exchange["headers"]; body: Uint8Array },
  ) {
    const [method = "", target = ""] = message.startLine.split(" ");
    this.method = method;
    this.target = target;
    this.headers = message.headers;
    this.body = message.body;
    this.connection = connection.ordinal;
    this.receivedAt = performance.now();
    this.#connection = connection;
  }

  header(name: string): string | undefined {
    return this.headers.find(([each]) => each.toLowerCase() === name.toLowerCase())?.[1];
  }

  get text(): string {
    return toText(this.body);
  }

  /** Resolves, with the time, when the caller's side of the connection is gone. */
  get gone(): Promise<number> {
    return this.#connection.gone.promise;
  }

  /** Resolves when the kernel took the bytes; stays open while the reader stalls. */
  write(content: string | Uint8Array): Promise<void> {
    return new Promise((resolve) => {
      this.#connection.outbox.push({ bytes: toBytes(content), sent: resolve });
      flush(this.#connection);
    });
  }

  head(status: number, headers: HeaderLines = {}): Promise<void> {
    return this.write(renderHead(status, headers));
  }

  chunk(content: string | Uint8Array): Promise<void> {
    return this.write(chunkOf(content));
  }

  /** A chunked head and nothing of the body yet. */
  startChunked(status: number, headers: Readonly<Record<string, string>>): Promise<void> {
    return this.head(status, { ...headers, "Transfer-Encoding": "chunked" });
  }

  async endChunked(): Promise<void> {
    await this.write(lastChunk);
    this.finish();
  }

  /** A whole answer with an exact `Content-Length`. */
  async respond(status: number, headers: HeaderLines, body: string | Uint8Array): Promise<void> {
    const bytes = toBytes(body);
    const lines = (Array.isArray(headers) ? headers : Object.entries(headers)) as [string, string][];
    const head = toBytes(renderHead(status, [...lines, ["Content-Length", String(bytes.length)]]));
    const sent = this.write(this.method === "HEAD" ? head : concatBytes([head, bytes]));
    this.finish();
    await sent;
  }

  respondJson(value: unknown, status = 200, headers: Readonly<Record<string, string>> = {}): Promise<void> {
    return this.respond(status, { "Content-Type": "application/json", ...headers }, JSON.stringify(value));
  }

  /** Lets the connection take its next request. */
  finish(): void {
    this.#connection.current = undefined;
  }

  /** An orderly end of the connection. */
  close(): void {
    this.#connection.socket.end();
  }

  /** A TCP reset. */
  reset(): void {
    this.#connection.socket.terminate();
  }
}

/** What a server does with one request. A rejection fails the test that owns the server, when it stops. */
export type Behaviour = (exchange: Exchange) => void | Promise<void>;

/** An HTTP/1.1 server over a bare socket, so that a test decides about every byte and every end. */
export class SocketServer implements AsyncDisposable {
  readonly port: number;
  readonly #listener: TCPSocketListener<Connection>;
  readonly #connections = new Set<Connection>();
  readonly #failures: unknown[] = [];
  #opened = 0;

  /** @param port for a server that comes back where another one was; a free one when not given */
  constructor(behave: Behaviour, port = 0) {
    this.#listener = Bun.listen<Connection>({
      hostname: "127.0.0.1",
      port,
      socket: {
        open: (socket) => {
          this.#opened += 1;
          socket.data = {
            ordinal: this.#opened,
            received: new ByteBuffer(),
            gone: Promise.withResolvers(),
            socket,
            outbox: [],
            current: undefined,
          };
          this.#connections.add(socket.data);
        },
        data: (socket, piece) => {
          socket.data.received.append(piece);
          this.#advance(socket.data, behave);
        },
        drain: (socket) => flush(socket.data),
        end: (socket) => socket.data.gone.resolve(performance.now()),
        error: (socket) => socket.data?.gone.resolve(performance.now()),
        close: (socket) => {
          socket.data.gone.resolve(performance.now());
          this.#connections.delete(socket.data);
        },
      },
    });
    this.port = this.#listener.port;
  }

  #advance(connection: Connection, behave: Behaviour): void {
    if (connection.current !== undefined) return;
    const message = parseMessage(connection.received.view);
    if (message === undefined) return;
    connection.received.drop(message.wireBytes);
    const exchange = new Exchange(connection, message);
    connection.current = exchange;
    const answered = (async () => behave(exchange))();
    answered.catch((error: unknown) => {
      this.#failures.push(error);
      connection.socket.terminate();
    });
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Connections accepted since the start. */
  get openedConnections(): number {
    return this.#opened;
  }

  get openConnections(): number {
    return this.#connections.size;
  }

  /** Connections that wait between two requests are ended, as servers with a short keep-alive do. */
  closeIdleConnections(): void {
    for (const connection of this.#connections) {
      if (connection.current === undefined) connection.socket.end();
    }
  }

  /** Heads received so far that have no whole body yet: for tests of uploads. */
  get unfinishedRequests(): number {
    return [...this.#connections].filter((connection) => parseHead(connection.received.view) !== undefined)
      .length;
  }

  async waitForNoConnections(): Promise<void> {
    await waitUntil(() => this.#connections.size === 0, { what: "every upstream connection is closed" });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.stop(true);
    if (this.#failures.length > 0)
      throw new AggregateError(this.#failures, "a scripted upstream behaviour failed");
  }
}
