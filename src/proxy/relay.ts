import { OllaError } from "../errors.ts";
import type { Clock } from "../lib/clock.ts";
import { clientLeft, type UpstreamAnswer } from "./attempt.ts";
import type { WriteShaper } from "./delivery.ts";
import type { Ending } from "./ending.ts";
import type { ChunkReader } from "./first-content.ts";
import { createKeepalive, type Keepalive } from "./keepalive.ts";
import { type SilenceWatch, watchSilence } from "./silence-watch.ts";
import { judgeEnd, type StreamWatch } from "./stream-watch.ts";
import { classifyBodyFailure, upstreamError } from "./upstream-error.ts";

/** How the body of an answer ended, said exactly once. */
export interface RelayEnd {
  readonly ending: Ending;
  readonly bytes: number;
  /** Pieces handed to the client. */
  readonly writes: number;
  /** Monotonic time of the first of them; undefined when there was none. */
  readonly firstSentAt: number | undefined;
  readonly error: OllaError | undefined;
}

export interface RelayLimits {
  readonly clock: Clock;
  /** Milliseconds left until the first body byte must be here; 0 switches the limit off. */
  readonly firstByteMs: number;
  /** Longest silence between two pieces, in milliseconds, while a read is under way; 0 = any. */
  readonly silenceMs: number;
}

/** What goes to the client, and how. */
export interface RelaySource {
  readonly reader: ChunkReader;
  /** Read before, and seen by `watch`; goes out first. */
  readonly chunks: readonly Uint8Array[];
  /** Undefined for bodies whose end cannot be told from a cut. */
  readonly watch: StreamWatch | undefined;
  readonly shaper: WriteShaper;
  /** Sees what is read from now on; has seen `chunks`. */
  readonly usage?: { push(chunk: Uint8Array): void } | undefined;
}

export interface RelayOptions extends RelayLimits {
  /** Bytes that tell the client, in its dialect, that the stream broke; undefined cuts the connection instead. */
  readonly renderError: (error: OllaError, lastByte: number | undefined) => Uint8Array | undefined;
  /** Written into a silent stream, between two events; undefined = never. */
  readonly keepalive: { readonly intervalMs: number; readonly bytes: Uint8Array } | undefined;
  /** Called exactly once, just before the client sees the end. */
  readonly onEnd: (end: RelayEnd) => void;
}

/**
 * Hands an endpoint's body on, piece by piece, as the client takes it: a client that stalls stalls the endpoint.
 * A break is told to the client, never hidden behind a clean end.
 */
export function relayStream(
  answer: UpstreamAnswer,
  source: RelaySource,
  options: RelayOptions,
): ReadableStream<Uint8Array> {
  const relay = new Relay(answer, source, options);
  return new ReadableStream<Uint8Array>(
    {
      start: (controller) => relay.start(controller),
      pull: () => relay.pull(),
      cancel: () => relay.cancel(),
    },
    { highWaterMark: 0 },
  );
}

/** Patience with a client that takes nothing. Pausing is its right; keeping a place at an endpoint for ever is not. */
const clientStallMs = 10 * 60_000;

type Controller = ReadableStreamDefaultController<Uint8Array>;
type ReadResult = Awaited<ReturnType<ChunkReader["read"]>>;

/** One body on its way. Ends once, whatever comes together: the endpoint's end, its failure, the client's leaving. */
class Relay {
  readonly #answer: UpstreamAnswer;
  readonly #source: RelaySource;
  readonly #options: RelayOptions;
  readonly #silence: SilenceWatch;
  /** The other way round: a client that takes nothing would hold its place at the endpoint for ever. */
  readonly #stall: SilenceWatch;
  #controller: Controller | undefined;
  #keepalive: Keepalive | undefined;
  #chunksSent = 0;
  #bytes = 0;
  #writes = 0;
  #firstSentAt: number | undefined;
  /** Asked for once for each piece that comes, and once for each that is wanted. */
  #now = 0;
  #lastByte: number | undefined;
  /** The endpoint's body is over; what the shaper holds is still to be written. */
  #isDrained = false;
  #failure: OllaError | undefined;
  #hasBegun = false;
  #isReading = false;
  #hasEnded = false;

  constructor(answer: UpstreamAnswer, source: RelaySource, options: RelayOptions) {
    this.#answer = answer;
    this.#source = source;
    this.#options = options;
    const { clock, firstByteMs, silenceMs } = options;
    const hasBegun = source.chunks.length > 0;
    if (hasBegun) answer.noteFirstByte();
    this.#silence = watchSilence(
      { clock, silenceMs, firstByteMs: hasBegun ? silenceMs : firstByteMs },
      () => {
        const elapsedMs = this.#bytes === 0 ? firstByteMs : silenceMs;
        answer.abort(upstreamError("read_timeout", answer.endpoint.name, elapsedMs));
      },
    );
    this.#stall = watchSilence({ clock, silenceMs: clientStallMs, firstByteMs: clientStallMs }, () =>
      answer.abort(
        new OllaError(
          "client_abort",
          `The client took nothing of its answer for ${clientStallMs / 60_000} min`,
        ),
      ),
    );
  }

  start(controller: Controller): void {
    this.#controller = controller;
    const { clock, keepalive } = this.#options;
    const { watch } = this.#source;
    if (keepalive === undefined || watch === undefined) return;
    this.#keepalive = createKeepalive({
      clock,
      intervalMs: keepalive.intervalMs,
      isAtEventBoundary: () => watch.isAtEventBoundary,
      onDue: () => {
        if (this.#hasEnded) return;
        this.#now = clock.now();
        // The boundary is where the endpoint's bytes end, so all of them have to be out.
        const held = this.#source.shaper.flush();
        if (held !== undefined) this.#send(held);
        controller.enqueue(keepalive.bytes);
      },
    });
  }

  /** Runs for every piece, so it makes one promise and no closure. */
  pull(): Promise<void> | undefined {
    try {
      if (!this.#hasBegun) this.#begin();
      this.#now = this.#options.clock.now();
      this.#stall.endRead();
      return this.#advance();
    } catch (fault) {
      this.#giveUp(fault);
      return undefined;
    }
  }

  cancel(): void {
    this.#end("client-abort", clientLeft());
    this.#answer.abort(clientLeft());
  }

  #advance(): Promise<void> | undefined {
    if (this.#write()) return undefined;
    this.#silence.startRead(this.#now);
    this.#keepalive?.startWaiting(this.#now);
    this.#isReading = true;
    return this.#source.reader.read().then(this.#onRead, this.#onBreak);
  }

  readonly #onRead = ({ done, value }: ReadResult): Promise<void> | undefined => {
    try {
      this.#now = this.#options.clock.now();
      this.#isReading = false;
      this.#silence.endRead();
      this.#keepalive?.endWaiting();
      if (done) {
        this.#drain();
      } else {
        if (this.#bytes === 0) this.#answer.noteFirstByte();
        this.#source.watch?.push(value);
        this.#source.usage?.push(value);
        this.#source.shaper.push(value);
      }
      return this.#advance();
    } catch (fault) {
      this.#giveUp(fault);
      return undefined;
    }
  };

  #begin(): void {
    this.#hasBegun = true;
    const { signal } = this.#answer;
    if (!signal.aborted) signal.addEventListener("abort", this.#onAbort, { once: true });
  }

  /** A read under way hears of it by itself. But a client that takes nothing would never let another one begin. */
  readonly #onAbort = (): void => {
    if (this.#isReading || this.#hasEnded) return;
    try {
      this.#failure = this.#classify(undefined);
      if (this.#failure.code !== "client_abort") while (this.#write());
      this.#drain();
      while (!this.#hasEnded && this.#write());
    } catch (fault) {
      this.#giveUp(fault);
    }
  };

  readonly #onBreak = (error: unknown): void => {
    try {
      this.#isReading = false;
      this.#failure = this.#classify(error);
      this.#drain();
      this.#write();
    } catch (fault) {
      this.#giveUp(fault);
    }
  };

  /** A fault of our own: the client's connection is cut, and nothing stays behind. */
  #giveUp(fault: unknown): void {
    const error = new OllaError("internal", "Olla failed while relaying an answer", { cause: fault });
    try {
      this.#end("upstream-error", error);
    } finally {
      this.#answer.abort(error);
      this.#controller?.error(error);
    }
  }

  #drain(): void {
    this.#isDrained = true;
    // What is held back goes out first, but not to a client that is gone.
    if (this.#failure?.code !== "client_abort") this.#source.shaper.end();
  }

  /** Hands out the next piece, or the end. False when more must be read first. */
  #write(): boolean {
    const { chunks, shaper } = this.#source;
    for (;;) {
      const piece = shaper.next();
      if (piece !== undefined) {
        this.#send(piece);
        return true;
      }
      const earlier = chunks[this.#chunksSent];
      if (earlier === undefined || this.#isDrained) break;
      this.#chunksSent += 1;
      shaper.push(earlier);
    }
    if (!this.#isDrained) return false;
    this.#finish();
    return true;
  }

  #send(piece: Uint8Array): void {
    this.#bytes += piece.byteLength;
    this.#writes += 1;
    this.#firstSentAt ??= this.#now;
    this.#lastByte = piece[piece.byteLength - 1];
    this.#controller?.enqueue(piece);
    this.#stall.startRead(this.#now);
  }

  #finish(): void {
    const controller = this.#controller;
    if (this.#hasEnded || controller === undefined) return;
    const { watch } = this.#source;
    const end = watch === undefined ? undefined : judgeEnd(watch);
    // An answer that was whole before its connection broke is whole.
    const isWhole = end === "complete" && watch?.isTerminated === true;
    const failure = end === "cut" && this.#failure === undefined ? this.#cutError() : this.#failure;
    if (failure === undefined || (isWhole && failure.code !== "client_abort")) {
      // An error that the endpoint has reported itself needs no second one from us.
      this.#end(end === "failed" ? "upstream-error" : "complete", undefined);
      controller.close();
      return;
    }
    this.#end(endingOf(failure), failure);
    const notice =
      failure.code === "client_abort" ? undefined : this.#options.renderError(failure, this.#lastByte);
    if (notice === undefined) {
      controller.error(failure);
      return;
    }
    controller.enqueue(notice);
    controller.close();
  }

  #cutError(): OllaError {
    return upstreamError(
      "truncated",
      this.#answer.endpoint.name,
      sinceStart(this.#answer, this.#options.clock),
    );
  }

  #classify(error: unknown): OllaError {
    const { endpoint, signal } = this.#answer;
    return classifyBodyFailure(error, signal, endpoint.name, sinceStart(this.#answer, this.#options.clock));
  }

  #end(ending: Ending, error: OllaError | undefined): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#silence.stop();
    this.#stall.stop();
    this.#keepalive?.stop();
    this.#answer.detach();
    this.#options.onEnd({
      ending,
      bytes: this.#bytes,
      writes: this.#writes,
      firstSentAt: this.#firstSentAt,
      error,
    });
  }
}

function endingOf(error: OllaError): Ending {
  switch (error.code) {
    case "client_abort":
      return "client-abort";
    case "read_timeout":
      return "idle-timeout";
    case "response_timeout":
      return "response-timeout";
    case "cancelled":
      return "cancelled";
    default:
      return "upstream-error";
  }
}

function sinceStart(answer: UpstreamAnswer, clock: Clock): number {
  return clock.now() - answer.startedAt;
}
