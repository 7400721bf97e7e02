import { join } from "node:path";
import { stopChild } from "../peers.ts";

export interface EndpointFigures {
  readonly requests: number;
  /** Requests whose connection closed before they were answered. */
  readonly left: number;
  /** Writes that nobody took. */
  readonly shortWrites: number;
  readonly connections: number;
  /** Connections with a request that is not answered yet. */
  readonly busy: number;
}

export type EndpointOrder = "down" | "up" | "figures";

export type EndpointNews =
  | { readonly kind: "ready"; readonly port: number }
  | { readonly kind: "down"; readonly cut: readonly number[] }
  | { readonly kind: "up" }
  | { readonly kind: "figures"; readonly figures: EndpointFigures };

/** A fake backend in a process of its own. */
export class SoakEndpoint implements AsyncDisposable {
  readonly name: string;
  readonly url: string;
  /** Nonces of the requests that it has broken off itself, by falling down. */
  readonly cut = new Set<number>();
  falls = 0;
  readonly #child: Bun.Subprocess;
  readonly #news: NewsStand;

  private constructor(name: string, port: number, child: Bun.Subprocess, news: NewsStand) {
    this.name = name;
    this.url = `http://127.0.0.1:${port}`;
    this.#child = child;
    this.#news = news;
  }

  static async start(name: string): Promise<SoakEndpoint> {
    const news = new NewsStand();
    const child = Bun.spawn([process.execPath, join(import.meta.dir, "endpoint-process.ts")], {
      stdout: "inherit",
      stderr: "inherit",
      ipc: (message: EndpointNews) => news.put(message),
      onExit: () => news.close(`the endpoint ${name} has ended`),
    });
    const { port } = await news.next("ready");
    return new SoakEndpoint(name, port, child, news);
  }

  /** Stops listening and resets its connections; resolves when that is done. */
  async fallDown(): Promise<void> {
    this.falls += 1;
    const { cut } = await this.#order("down", "down");
    for (const nonce of cut) this.cut.add(nonce);
  }

  async comeBack(): Promise<void> {
    await this.#order("up", "up");
  }

  async figures(): Promise<EndpointFigures> {
    return (await this.#order("figures", "figures")).figures;
  }

  #order<K extends EndpointNews["kind"]>(order: EndpointOrder, answer: K) {
    const news = this.#news.next(answer);
    this.#child.send(order);
    return news;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await stopChild(this.#child);
  }
}

/** Hands each piece of news to whoever waits for its kind. */
class NewsStand {
  readonly #waiting = new Map<EndpointNews["kind"], PromiseWithResolvers<EndpointNews>[]>();
  #closedBecause: string | undefined;

  put(news: EndpointNews): void {
    this.#waiting.get(news.kind)?.shift()?.resolve(news);
  }

  close(reason: string): void {
    this.#closedBecause = reason;
    for (const { reject } of [...this.#waiting.values()].flat()) reject(new Error(reason));
  }

  async next<K extends EndpointNews["kind"]>(kind: K): Promise<Extract<EndpointNews, { kind: K }>> {
    if (this.#closedBecause !== undefined) throw new Error(this.#closedBecause);
    const waiting = Promise.withResolvers<EndpointNews>();
    this.#waiting.set(kind, [...(this.#waiting.get(kind) ?? []), waiting]);
    return (await waiting.promise) as Extract<EndpointNews, { kind: K }>;
  }
}
