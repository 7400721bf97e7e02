import type { Clock } from "../lib/clock.ts";

/** What the feed tells. Called in the order in which listeners come, then once a second for all of them. */
export interface FeedContent {
  /** The first event of a listener. @param isAdmin whether it may see `details` */
  hello(isAdmin: boolean): object;
  tick(): object;
  /** What only those may see who may act as well; added to `tick`. */
  details(): object;
  /** Told when the first of those comes and when the last has gone. */
  wantDetails(areWanted: boolean): void;
}

export interface FeedOptions {
  readonly clock: Clock;
  readonly content: FeedContent;
  readonly maxListeners?: number;
}

const tickMs = 1_000;
const defaultMaxListeners = 50;
/** Ticks that nobody took: whoever is behind them has gone to sleep, or is gone. */
const mostMissed = 30;
const encoder = new TextEncoder();

/**
 * One ticker for everybody who listens, which runs only while somebody does. A listener that does not keep up misses
 * ticks, so that nothing heaps up for it, and is let go after half a minute.
 */
export class Feed {
  readonly #options: FeedOptions;
  readonly #listeners = new Set<FeedListener>();
  #cancelTick: (() => void) | undefined;
  #hasEnded = false;

  constructor(options: FeedOptions) {
    this.#options = options;
  }

  get listenerCount(): number {
    return this.#listeners.size;
  }

  /**
   * A stream of server-sent events, which begins with `hello`.
   * @param isAdmin whether `details` are for this listener
   * @returns undefined when there are too many already, or Olla is stopping
   */
  listen(isAdmin: boolean): ReadableStream<Uint8Array> | undefined {
    const { content, maxListeners = defaultMaxListeners } = this.#options;
    if (this.#hasEnded || this.#listeners.size >= maxListeners) return undefined;
    const listener = new FeedListener(isAdmin, () => this.#drop(listener));
    listener.offer(encodeEvent("hello", content.hello(isAdmin)));
    this.#listeners.add(listener);
    if (isAdmin) content.wantDetails(true);
    this.#cancelTick ??= this.#options.clock.after(tickMs, this.#tick);
    return listener.stream;
  }

  /** Ends every stream, and takes no listeners any more. @param lastEvent its name, where the streams should end with one */
  end(lastEvent?: string): void {
    this.#hasEnded = true;
    const last = lastEvent === undefined ? undefined : encodeEvent(lastEvent, {});
    for (const listener of [...this.#listeners]) listener.close(last);
  }

  readonly #tick = (): void => {
    const { clock, content } = this.#options;
    this.#cancelTick = clock.after(tickMs, this.#tick);
    const listeners = [...this.#listeners];
    const tick = content.tick();
    const open = listeners.some(({ isAdmin }) => !isAdmin) ? encodeEvent("tick", tick) : undefined;
    const full = listeners.some(({ isAdmin }) => isAdmin)
      ? encodeEvent("tick", { ...tick, ...content.details() })
      : undefined;
    for (const listener of listeners) {
      const event = listener.isAdmin ? full : open;
      if (event !== undefined) listener.offer(event);
      if (listener.missed > mostMissed) listener.close();
    }
  };

  #drop(listener: FeedListener): void {
    if (!this.#listeners.delete(listener)) return;
    if (![...this.#listeners].some(({ isAdmin }) => isAdmin)) this.#options.content.wantDetails(false);
    if (this.#listeners.size > 0) return;
    this.#cancelTick?.();
    this.#cancelTick = undefined;
  }
}

/** Holds one event at most: what the connection takes is pulled, what it does not take is replaced. */
class FeedListener {
  readonly isAdmin: boolean;
  readonly stream: ReadableStream<Uint8Array>;
  readonly #onGone: () => void;
  #waiting: Uint8Array | undefined;
  #wake: (() => void) | undefined;
  #hasSentFirst = false;
  #isClosed = false;
  missed = 0;

  constructor(isAdmin: boolean, onGone: () => void) {
    this.isAdmin = isAdmin;
    this.#onGone = onGone;
    this.stream = new ReadableStream<Uint8Array>(
      {
        pull: (controller) => this.#pull(controller),
        cancel: () => this.close(),
      },
      { highWaterMark: 0 },
    );
  }

  offer(event: Uint8Array): void {
    if (this.#waiting !== undefined) this.missed += 1;
    // The first event says how to read the others: it is never replaced.
    if (this.#waiting === undefined || this.#hasSentFirst) this.#waiting = event;
    this.#wake?.();
  }

  close(last?: Uint8Array): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#waiting = last;
    this.#onGone();
    this.#wake?.();
  }

  async #pull(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    if (this.#waiting === undefined && !this.#isClosed) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = undefined;
    }
    const event = this.#waiting;
    this.#waiting = undefined;
    if (event !== undefined) {
      this.missed = 0;
      this.#hasSentFirst = true;
      controller.enqueue(event);
    }
    if (this.#isClosed) closeQuietly(controller);
  }
}

/** Of a stream that its reader has cancelled, nothing is left to close. */
function closeQuietly(controller: ReadableStreamDefaultController<Uint8Array>): void {
  try {
    controller.close();
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
  }
}

export function encodeEvent(name: string, body: object): Uint8Array {
  return encoder.encode(`event: ${name}\ndata: ${JSON.stringify(body)}\n\n`);
}
