import { ApiError, ask, describeError } from "./api.ts";
import { EventCutter, type ServerEvent } from "./event-stream.ts";

export type FeedState =
  | { readonly kind: "connecting" }
  | { readonly kind: "live" }
  /** The page is hidden: nobody looks, so nothing is fetched. */
  | { readonly kind: "paused" }
  /** @property retryAt milliseconds since the epoch */
  | { readonly kind: "lost"; readonly message: string; readonly retryAt: number }
  /** Olla wants the admin key. */
  | { readonly kind: "locked"; readonly message: string };

export interface FeedListener {
  onEvent(event: ServerEvent): void;
  onState(state: FeedState): void;
}

const firstRetryMs = 1_000;
const longestRetryMs = 15_000;
/** Olla speaks every second: silence means that the connection is dead and nobody has said so. */
const silenceMs = 6_000;

/** Keeps one connection to the feed while the page is shown, and makes a new one when it breaks. */
export class FeedClient {
  readonly #listener: FeedListener;
  #abort: AbortController | undefined;
  #retryTimer: number | undefined;
  #silenceTimer: number | undefined;
  #retryMs = firstRetryMs;

  constructor(listener: FeedListener) {
    this.#listener = listener;
  }

  start(): void {
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) this.#pause();
      else this.reconnect();
    });
    if (document.hidden) this.#pause();
    else this.reconnect();
  }

  /** At once, whatever is being waited for. */
  reconnect(): void {
    this.#stop();
    this.#retryMs = firstRetryMs;
    void this.#connect();
  }

  #pause(): void {
    this.#stop();
    this.#listener.onState({ kind: "paused" });
  }

  #stop(): void {
    clearTimeout(this.#retryTimer);
    clearTimeout(this.#silenceTimer);
    this.#abort?.abort();
    this.#abort = undefined;
  }

  async #connect(): Promise<void> {
    const abort = new AbortController();
    this.#abort = abort;
    this.#listener.onState({ kind: "connecting" });
    this.#expectWords(abort);
    try {
      const response = await ask("/internal/events", {
        signal: abort.signal,
        headers: { Accept: "text/event-stream" },
      });
      if (response.body === null) throw new ApiError("Olla sent nothing", { status: response.status });
      await this.#read(response.body, abort);
      this.#fail(abort, "The connection to Olla has ended");
    } catch (error) {
      if (error instanceof ApiError && error.status === 401 && this.#abort === abort) {
        this.#stop();
        this.#listener.onState({ kind: "locked", message: error.message });
        return;
      }
      const isNoAnswer = !(error instanceof ApiError) || error.status === 0;
      this.#fail(abort, isNoAnswer ? "Olla does not answer" : describeError(error));
    }
  }

  async #read(body: ReadableStream<Uint8Array>, abort: AbortController): Promise<void> {
    const cutter = new EventCutter();
    const decoder = new TextDecoder();
    const reader = body.getReader();
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      this.#expectWords(abort);
      for (const event of cutter.push(decoder.decode(value, { stream: true }))) {
        if (this.#abort !== abort) return;
        this.#retryMs = firstRetryMs;
        this.#listener.onState({ kind: "live" });
        if (event.name === "renewed") {
          this.reconnect();
          return;
        }
        this.#listener.onEvent(event);
      }
    }
  }

  #expectWords(abort: AbortController): void {
    clearTimeout(this.#silenceTimer);
    this.#silenceTimer = window.setTimeout(() => abort.abort(), silenceMs);
  }

  /** Does nothing for a connection that was given up on purpose. */
  #fail(abort: AbortController, message: string): void {
    if (this.#abort !== abort) return;
    this.#stop();
    const waitMs = this.#retryMs;
    this.#retryMs = Math.min(longestRetryMs, waitMs * 2);
    this.#retryTimer = window.setTimeout(() => void this.#connect(), waitMs);
    this.#listener.onState({ kind: "lost", message, retryAt: Date.now() + waitMs });
  }
}
