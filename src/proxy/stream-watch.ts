import { findEndOfBegunEvent, findEventEnd, readEvent } from "./event-split.ts";
import { type EventVerdict, judgeEvent, type StreamError } from "./event-verdict.ts";
import { type StreamFraming, type StreamKind, streamFramingOf, streamKindOf } from "./stream-kind.ts";
import { markerSpanBytes, markersOf, type StreamMarkers } from "./stream-markers.ts";

/** An endpoint's answer, as its head describes it. */
export interface WatchedAnswer {
  readonly status: number;
  readonly contentType: string | null;
  readonly contentEncoding: string | null;
  /** The path that the endpoint was asked for. */
  readonly path: string;
}

/** Undefined for bodies that are not made of events, and for compressed ones. */
export function createStreamWatch(answer: WatchedAnswer): StreamWatch | undefined {
  const encoding = answer.contentEncoding?.trim().toLowerCase() ?? "";
  if (encoding !== "" && encoding !== "identity") return undefined;
  const framing = streamFramingOf(answer.contentType);
  if (framing === undefined) return undefined;
  return new StreamWatch(framing, answer.status < 400 ? streamKindOf(answer.path, framing) : undefined);
}

/** The watch for an answer as `fetch` gave it. */
export function watchResponse({ status, headers }: Response, path: string): StreamWatch | undefined {
  const contentType = headers.get("content-type");
  return createStreamWatch({ status, contentType, contentEncoding: headers.get("content-encoding"), path });
}

/** An event longer than this is not kept to be understood: it counts as content. */
const eventLimitBytes = 64 * 1024;

/** How much of a chunk is copied at once behind the beginning of an event. */
const copyBytes = 4 * 1024;

/**
 * Looks at a relayed body as it passes: has the answer begun, is it finished, may something be put in here. What it
 * says depends on the bytes alone and not on how they were cut. Keeps at most one unfinished event of 64 KiB.
 *
 * Streams of no known kind have content from the start and are never judged; only event boundaries are followed.
 */
export class StreamWatch {
  readonly #framing: StreamFraming;
  readonly #markers: StreamMarkers | undefined;
  readonly #kind: StreamKind | undefined;
  /** "waiting" for content, "following" what comes after it, "passing" what needs no look any more. */
  #stage: "waiting" | "following" | "passing";
  #hasContent: boolean;
  #isTerminated = false;
  #isForeign = false;
  #errorEvent: StreamError | undefined;
  #eventCount = 0;
  #hasEvents = false;
  /** The last three bytes as one number. Nothing sent yet is a boundary too. */
  #lastBytes = 0x0a0a0a;
  #pending: Uint8Array<ArrayBuffer> | undefined;
  #pendingLength = 0;
  #isOversize = false;
  #oversizeMayTerminate = false;

  constructor(framing: StreamFraming, kind: StreamKind | undefined) {
    this.#framing = framing;
    this.#kind = kind;
    this.#markers = kind === undefined ? undefined : markersOf(kind);
    this.#stage = kind === undefined ? "passing" : "waiting";
    this.#hasContent = kind === undefined;
  }

  /** An event with content, or the end of an empty but whole answer, has passed, and no error came before it. */
  get hasContent(): boolean {
    return this.#hasContent;
  }

  /** The first error that the endpoint reported, before the content or after it. */
  get errorEvent(): StreamError | undefined {
    return this.#errorEvent;
  }

  /**
   * The event that ends the answer has passed. For OpenAI's shape that is `[DONE]` or the first `finish_reason`: some
   * servers never send `[DONE]`, and a whole answer taken for a cut one is the worse mistake.
   */
  get isTerminated(): boolean {
    return this.#isTerminated;
  }

  /** Whether a stream of this kind that ends without its terminal event was cut. */
  get hasKnownEnd(): boolean {
    return this.#kind !== undefined && !this.#isForeign;
  }

  /** Something of our own may be put in here without breaking an event. True before the first byte. */
  get isAtEventBoundary(): boolean {
    const last = this.#lastBytes;
    if (this.#framing === "ndjson") return (last & 0xff) === 0x0a;
    return (last & 0xffff) === 0x0a0a || last === 0x0a0d0a || (last & 0xffff) === 0x0d0d;
  }

  /** The last byte so far; a line feed before the first, since nothing is open then. */
  get lastByte(): number {
    return this.#lastBytes & 0xff;
  }

  /** An event with data has passed, whatever it means; comments are none. */
  get hasEvents(): boolean {
    return this.#hasEvents;
  }

  /** Events that passed until the waiting for content was over; comments count, empty lines don't. */
  get eventCount(): number {
    return this.#eventCount;
  }

  /** To be called with every piece of the body, in order. Does not keep or change it. */
  push(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    this.#noteLastBytes(chunk);
    if (this.#stage === "passing") return;
    if (this.#pendingLength === 0 && this.isAtEventBoundary) {
      // Whole events and nothing else: nearly every chunk of a stream.
      if (this.#stage === "waiting" || this.#mayMatter(chunk)) this.#readWholeEvents(chunk);
      return;
    }
    this.#pushSplit(chunk);
  }

  /** To be called when the body has ended: an event that lacks nothing but the line end after it counts. */
  end(): void {
    const unfinished = this.#pendingView();
    const isLineOpen = this.lastByte !== 0x0a;
    this.#pendingLength = 0;
    if (this.#stage === "passing" || unfinished.length === 0) return;
    if (this.#isOversize) {
      if (!isLineOpen) this.#judgeOversize(this.#oversizeMayTerminate);
      return;
    }
    const event = readEvent(unfinished, this.#framing);
    const verdict = event === undefined ? undefined : judgeEvent(event);
    if (verdict !== undefined) this.#apply(verdict);
  }

  /** Gives up the waiting: whatever comes is handed on. */
  stopWaiting(): void {
    if (this.#stage !== "waiting") return;
    this.#hasContent = true;
    this.#stage = "following";
  }

  #noteLastBytes(chunk: Uint8Array): void {
    let last = this.#lastBytes;
    for (let at = Math.max(0, chunk.length - 3); at < chunk.length; at += 1) {
      last = ((last << 8) | (chunk[at] ?? 0)) & 0xffffff;
    }
    this.#lastBytes = last;
  }

  #mayMatter(bytes: Uint8Array): boolean {
    const markers = this.#markers;
    return markers !== undefined && (markers.mayTerminate(bytes) || markers.mayReportError(bytes));
  }

  #pushSplit(chunk: Uint8Array): void {
    let rest = chunk;
    while (rest.length > 0 && this.#stage !== "passing") {
      if (this.#pendingLength === 0) rest = rest.subarray(this.#readWholeEvents(rest));
      if (rest.length > 0) rest = rest.subarray(this.#extendPending(rest));
    }
  }

  /** Reads the events that end in these bytes; says where the first unfinished one begins. */
  #readWholeEvents(bytes: Uint8Array): number {
    let from = 0;
    while (from < bytes.length && this.#stage !== "passing") {
      const end = findEventEnd(bytes, this.#framing, from);
      if (end < 0) return from;
      this.#readOne(bytes.subarray(from, end));
      from = end;
    }
    return bytes.length;
  }

  /** Adds to the unfinished event, at most up to its end; says how many bytes that took. */
  #extendPending(bytes: Uint8Array): number {
    const before = this.#pendingLength;
    const room = this.#isOversize ? copyBytes : eventLimitBytes - before;
    const taken = Math.min(bytes.length, copyBytes, room);
    this.#append(bytes.subarray(0, taken));
    const view = this.#pendingView();
    const end =
      before === 0
        ? findEventEnd(view, this.#framing, 0)
        : findEndOfBegunEvent(view, this.#framing, before - 1);
    if (end >= 0) {
      this.#finishPending(view.subarray(0, end));
      return end - before;
    }
    if (this.#isOversize || view.length === eventLimitBytes) this.#shrinkOversize(view);
    return taken;
  }

  #append(bytes: Uint8Array): void {
    const needed = this.#pendingLength + bytes.length;
    if (this.#pending === undefined || this.#pending.length < needed) {
      const larger = new Uint8Array(Math.max(512, needed, this.#pendingLength * 2));
      larger.set(this.#pendingView());
      this.#pending = larger;
    }
    this.#pending.set(bytes, this.#pendingLength);
    this.#pendingLength = needed;
  }

  #pendingView(): Uint8Array {
    return this.#pending?.subarray(0, this.#pendingLength) ?? nothing;
  }

  #finishPending(event: Uint8Array): void {
    if (this.#isOversize) {
      this.#judgeOversize(this.#oversizeMayTerminate || this.#markers?.mayTerminate(event) === true);
    } else {
      this.#readOne(event);
    }
    this.#pendingLength = 0;
    this.#isOversize = false;
    this.#oversizeMayTerminate = false;
    if (this.#pending !== undefined && this.#pending.length > copyBytes) this.#pending = undefined;
  }

  /** Of an event that is too long only its markers are kept, and the bytes that the next marker may begin in. */
  #shrinkOversize(view: Uint8Array): void {
    this.#isOversize = true;
    this.#oversizeMayTerminate ||= this.#markers?.mayTerminate(view) === true;
    this.stopWaiting();
    if (this.#pending === undefined || view.length <= markerSpanBytes) return;
    this.#pending.copyWithin(0, view.length - markerSpanBytes, view.length);
    this.#pendingLength = markerSpanBytes;
  }

  #readOne(bytes: Uint8Array): void {
    // Not an event. One CR LF, too, may come as two of these.
    if (isLineEnd(bytes[0])) return;
    if (bytes.length > eventLimitBytes) {
      this.#judgeOversize(this.#markers?.mayTerminate(bytes) === true);
      return;
    }
    if (this.#stage === "waiting") this.#eventCount += 1;
    else if (!this.#mayMatter(bytes)) return;
    const event = readEvent(bytes, this.#framing);
    if (event !== undefined) this.#apply(judgeEvent(event) ?? notUnderstood);
  }

  #judgeOversize(isTerminal: boolean): void {
    this.stopWaiting();
    if (isTerminal) this.#terminate();
  }

  #apply(verdict: EventVerdict): void {
    this.#hasEvents = true;
    if (verdict.meaning === "error") {
      this.#errorEvent ??= verdict.error;
      if (this.#stage === "waiting") this.#stage = "following";
    } else if (this.#stage === "waiting" && verdict.meaning === "content") {
      this.stopWaiting();
      if (!verdict.isTerminal && verdict.kind !== this.#kind) {
        // The path said one thing and the answer is another: its end is unknown.
        this.#isForeign = true;
        this.#stage = "passing";
      }
    }
    if (verdict.isTerminal) this.#terminate();
  }

  #terminate(): void {
    this.#isTerminated = true;
    this.#stage = "passing";
  }
}

const nothing = new Uint8Array(0);

function isLineEnd(byte: number | undefined): boolean {
  return byte === 0x0a || byte === 0x0d;
}

const notUnderstood: EventVerdict = { meaning: "content", isTerminal: false, kind: undefined };

/**
 * What the end of a body means, whether it came in good order or by a break: "cut" is an answer of a known kind
 * without its terminal event; "failed" is one in which the endpoint itself reported an error, which the client sees.
 */
export type StreamEnd = "complete" | "cut" | "failed";

export function judgeEnd(watch: StreamWatch): StreamEnd {
  watch.end();
  if (watch.errorEvent !== undefined) return "failed";
  return watch.isTerminated || !watch.hasKnownEnd ? "complete" : "cut";
}
