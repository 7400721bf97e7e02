import { connect, type TLSSocket } from "node:tls";
import { pem } from "./tls-files.ts";

export interface TlsClientOptions {
  readonly cert?: string;
  readonly key?: string;
  readonly maxVersion?: "TLSv1.2" | "TLSv1.3";
}

/** A connection that trusts the tests' authority and nobody else, and says whom it met. */
export class TlsClient implements Disposable {
  readonly #socket: TLSSocket;
  #received = "";
  #failure: Error | undefined;
  #hasEnded = false;

  private constructor(socket: TLSSocket) {
    this.#socket = socket;
    socket.on("data", (piece) => {
      this.#received += String(piece);
    });
    socket.on("error", (error) => {
      this.#failure = error;
    });
    socket.on("close", () => {
      this.#hasEnded = true;
    });
  }

  /** Rejects when the handshake fails. */
  static async open(port: number, options: TlsClientOptions = {}): Promise<TlsClient> {
    const socket = connect({
      host: "127.0.0.1",
      port,
      servername: "localhost",
      ca: pem("authority.pem"),
      ...options,
    });
    const client = new TlsClient(socket);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    socket.once("secureConnect", resolve);
    socket.once("error", reject);
    socket.once("close", () => reject(new Error("closed during the handshake")));
    await promise;
    return client;
  }

  /** Common name of the server's certificate. */
  get serverName(): string {
    return String(this.#socket.getPeerCertificate().subject.CN);
  }

  get protocol(): string | null {
    return this.#socket.getProtocol();
  }

  get received(): string {
    return this.#received;
  }

  get failure(): Error | undefined {
    return this.#failure;
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  get(path: string): void {
    this.send(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
  }

  send(text: string): void {
    this.#socket.write(text);
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }
}

/** Common name of the certificate that a new connection meets. */
export async function serverNameAt(port: number): Promise<string> {
  using client = await TlsClient.open(port);
  return client.serverName;
}
