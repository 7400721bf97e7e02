import type { Socket } from "bun";
import { chunkOf, toBytes, toText } from "./bytes.ts";
import { ByteBuffer, type HttpMessage, type MessageHead, parseHead, parseMessage } from "./http-message.ts";
import { waitUntil } from "./wait-until.ts";

/** A TCP client that says exactly what it is told, reads only when it wants to, and hangs up at exact moments. */
export class RawClient implements Disposable {
  readonly #received = new ByteBuffer();
  readonly #closed = Promise.withResolvers<"end" | "reset">();
  #socket: Socket | undefined;
  #outbox: Uint8Array[] = [];
  #ending: "end" | "reset" | undefined;

  static async connect(port: number, hostname = "127.0.0.1"): Promise<RawClient> {
    const client = new RawClient();
    await client.#open(port, hostname);
    return client;
  }

  async #open(port: number, hostname: string): Promise<void> {
    this.#socket = await Bun.connect({
      hostname,
      port,
      socket: {
        data: (_socket, piece) => this.#received.append(piece),
        drain: () => this.#flush(),
        end: () => this.#end("end"),
        close: (_socket, error) => this.#end(error === undefined || error === null ? "end" : "reset"),
        error: () => this.#end("reset"),
      },
    });
  }

  #end(how: "end" | "reset"): void {
    this.#ending ??= how;
    this.#closed.resolve(this.#ending);
  }

  #flush(): void {
    while (this.#outbox.length > 0 && this.#socket !== undefined) {
      const [piece = new Uint8Array()] = this.#outbox;
      const written = Math.max(0, this.#socket.write(piece));
      if (written < piece.length) {
        this.#outbox[0] = piece.subarray(written);
        return;
      }
      this.#outbox.shift();
    }
  }

  send(content: string | Uint8Array): void {
    this.#outbox.push(toBytes(content));
    this.#flush();
  }

  /** Whether the kernel has taken everything that was sent. */
  get isFlushed(): boolean {
    return this.#outbox.length === 0;
  }

  /** One piece of a chunked request body. */
  sendChunk(content: string | Uint8Array): void {
    this.send(chunkOf(content));
  }

  /** A request with an exact `Content-Length`; `headers` are lines without their line ends. */
  request(startLine: string, headers: readonly string[] = [], body: string | Uint8Array = ""): void {
    const content = toBytes(body);
    const length = content.length > 0 ? [`Content-Length: ${content.length}`] : [];
    this.send(`${[startLine, "Host: olla.localhost", ...headers, ...length].join("\r\n")}\r\n\r\n`);
    if (content.length > 0) this.send(content);
  }

  /** Everything received and not yet taken. */
  get text(): string {
    return toText(this.#received.view);
  }

  get receivedBytes(): number {
    return this.#received.length;
  }

  get bytes(): Uint8Array {
    return this.#received.view.slice();
  }

  get isClosed(): boolean {
    return this.#ending !== undefined;
  }

  /** Resolves when the other side ended the connection, and how. */
  get closed(): Promise<"end" | "reset"> {
    return this.#closed.promise;
  }

  async readUntil(content: string, deadlineMs = 5_000): Promise<string> {
    await waitUntil(() => this.text.includes(content), {
      deadlineMs,
      what: `the client receives ${JSON.stringify(content)}`,
    });
    return this.text;
  }

  /** The head only; it stays in the buffer. */
  async readHead(deadlineMs = 5_000): Promise<MessageHead> {
    const parsed = await waitUntil(() => parseHead(this.#received.view), {
      deadlineMs,
      what: "a response head",
    });
    return parsed.head;
  }

  /** The next whole response, taken out of the buffer. */
  async readResponse(hasBody = true, deadlineMs = 5_000): Promise<HttpMessage> {
    const message = await waitUntil(() => parseMessage(this.#received.view, hasBody), {
      deadlineMs,
      what: "a whole response",
    });
    this.#received.drop(message.wireBytes);
    return message;
  }

  pause(): void {
    this.#socket?.pause();
  }

  resume(): void {
    this.#socket?.resume();
  }

  /** An ordinary close. */
  close(): void {
    this.#socket?.end();
  }

  /** A TCP reset, as a killed process leaves it. */
  reset(): void {
    this.#socket?.terminate();
  }

  [Symbol.dispose](): void {
    this.#socket?.terminate();
  }
}

/** The port of a URL that names it. */
export function portOf(url: string): number {
  return Number(new URL(url).port);
}
