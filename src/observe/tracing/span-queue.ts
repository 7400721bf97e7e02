import type { Clock } from "../../lib/clock.ts";
import { SpanWriter } from "./span-writer.ts";

export interface SpanQueueOptions {
  readonly clock: Clock;
  /** The beginning of every batch: the resource, and the instrumentation that the spans are of. */
  readonly envelope: Envelope;
  /** Spans in one batch. */
  readonly maxBatchSpans: number;
  /** Spans that may wait, the batch under way included. What comes on top is lost. */
  readonly maxQueuedSpans: number;
  /** Longest that a span waits for others to go with it, in milliseconds. */
  readonly delayMs: number;
  /** Delivers a batch, or gives it up; never rejects. Not called again before it has resolved. */
  readonly send: (batch: SpanBatch) => Promise<void>;
  /** Spans found no room. */
  readonly onOverflow: (spans: number) => void;
}

export interface SpanBatch {
  /** An `ExportTraceServiceRequest`. */
  readonly body: Uint8Array<ArrayBuffer>;
  readonly spans: number;
}

/** `Resource` and `InstrumentationScope`, encoded with the tags of their fields. */
export interface Envelope {
  readonly resource: Uint8Array;
  readonly scope: Uint8Array;
  /** The field `schema_url` of `ScopeSpans`. */
  readonly schemaUrl: Uint8Array;
}

type WriteSpans = (writer: SpanWriter) => void;

/** Requests whose spans are written in one go: some 50 µs. */
const mostUnwritten = 64;
/** Bounds the memory of spans with unusually long texts. */
const mostQueuedBytes = 4 * 1024 * 1024;
const mostKeptBytes = 512 * 1024;

/** Encoded spans on their way out. Has a timer only while some wait. */
export class SpanQueue {
  readonly #options: SpanQueueOptions;
  readonly #open: SpanWriter;
  /** Of the open batch, too. */
  #unwritten: WriteSpans[] = [];
  #openSpans = 0;
  readonly #closed: SpanBatch[] = [];
  #closedSpans = 0;
  #closedBytes = 0;
  #sending: Promise<void> | undefined;
  #cancelTimer: (() => void) | undefined;
  #isDue = false;
  /** Of a batch that was delivered: the next but one is written there. */
  #spare = new ArrayBuffer(0);

  constructor(options: SpanQueueOptions) {
    this.#options = options;
    this.#open = new SpanWriter(mostHeadBytes(options.envelope));
  }

  /** Spans that are not delivered yet. */
  get size(): number {
    return this.#openSpans + this.#closedSpans;
  }

  /** @param write is called once, with others, because many in one go take less time; never where there is no room */
  add(spans: number, write: WriteSpans): void {
    const { maxQueuedSpans, maxBatchSpans, onOverflow, clock, delayMs } = this.#options;
    if (this.size + spans > maxQueuedSpans || this.#closedBytes + this.#open.length > mostQueuedBytes) {
      onOverflow(spans);
      return;
    }
    this.#unwritten.push(write);
    this.#openSpans += spans;
    if (this.#unwritten.length >= mostUnwritten) this.#write();
    if (this.#openSpans >= maxBatchSpans) {
      this.#close();
      this.#sendNext();
    } else if (!this.#isDue) {
      this.#cancelTimer ??= clock.after(delayMs, () => {
        this.#cancelTimer = undefined;
        this.#isDue = true;
        this.#sendNext();
      });
    }
  }

  /** Sends all there is; resolves when nothing is left. What is added meanwhile may be left behind. */
  async flush(): Promise<void> {
    this.#isDue = true;
    this.#sendNext();
    while (this.#sending !== undefined) await this.#sending;
  }

  /** Forgets what waits. @returns how many spans that was */
  discard(): number {
    const { size } = this;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#closed.length = 0;
    this.#closedSpans = 0;
    this.#closedBytes = 0;
    this.#unwritten = [];
    this.#open.take(nothing, new ArrayBuffer(0));
    this.#openSpans = 0;
    return size;
  }

  #sendNext(): void {
    if (this.#sending !== undefined) return;
    if (this.#closed.length === 0 && this.#isDue && this.#openSpans > 0) this.#close();
    const batch = this.#closed[0];
    if (batch === undefined) {
      this.#isDue = false;
      return;
    }
    this.#sending = this.#options.send(batch).then(() => {
      this.#sending = undefined;
      // It may have been discarded meanwhile.
      if (this.#closed[0] === batch) {
        this.#closed.shift();
        this.#closedSpans -= batch.spans;
        this.#closedBytes -= batch.body.length;
        if (batch.body.buffer.byteLength <= mostKeptBytes) this.#spare = batch.body.buffer;
      }
      this.#sendNext();
    });
  }

  #write(): void {
    const unwritten = this.#unwritten;
    this.#unwritten = [];
    for (const write of unwritten) write(this.#open);
  }

  #close(): void {
    this.#write();
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    const { envelope } = this.#options;
    this.#open.raw(envelope.schemaUrl);
    const body = this.#open.take(headOf(this.#open.length, envelope), this.#spare);
    this.#spare = new ArrayBuffer(0);
    const batch = { body, spans: this.#openSpans };
    this.#closed.push(batch);
    this.#closedSpans += batch.spans;
    this.#closedBytes += body.length;
    this.#openSpans = 0;
    this.#isDue = false;
  }
}

const nothing = new Uint8Array();

/**
 * What stands before the spans: `ExportTraceServiceRequest { resource_spans { resource, scope_spans { scope, spans…,
 * schema_url } } }`
 * @param size of the spans and the URL
 */
function headOf(size: number, { resource, scope }: Envelope): Uint8Array {
  const scopeSpansSize = scope.length + size;
  const scopeSpansTag = [0x12, ...varint(scopeSpansSize)];
  const resourceSpansSize = resource.length + scopeSpansTag.length + scopeSpansSize;
  return Uint8Array.from([0x0a, ...varint(resourceSpansSize), ...resource, ...scopeSpansTag, ...scope]);
}

function mostHeadBytes(envelope: Envelope): number {
  return headOf(Number.MAX_SAFE_INTEGER, envelope).length;
}

export function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 0x7f; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80);
  return [...bytes, rest];
}
