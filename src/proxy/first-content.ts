import type { StreamError } from "./event-verdict.ts";
import type { StreamWatch } from "./stream-watch.ts";

/** The part of a body's reader that is used here. */
export interface ChunkReader {
  read(): Promise<{ done: true; value?: Uint8Array | undefined } | { done: false; value: Uint8Array }>;
}

export interface FirstContentLimits {
  readonly maxEvents: number;
  readonly maxBytes: number;
}

export const firstContentLimits: FirstContentLimits = { maxEvents: 64, maxBytes: 256 * 1024 };

/** How the beginning of a stream turned out, with every byte that was read to know it, in order. */
export type StreamBeginning =
  /** The answer has begun, or as much was read as may be held back. The body may go on. */
  | { readonly kind: "content"; readonly chunks: readonly Uint8Array[] }
  /** The endpoint reported an error where the answer should begin. The body may go on. */
  | {
      readonly kind: "error";
      readonly message: string;
      /** The HTTP status that the endpoint names in the event, where it does. */
      readonly status: number | undefined;
      readonly chunks: readonly Uint8Array[];
    }
  /** The body ended with no event at all. */
  | { readonly kind: "empty"; readonly chunks: readonly Uint8Array[] }
  /** The body ended after events that only announce an answer. */
  | { readonly kind: "ended"; readonly chunks: readonly Uint8Array[] };

/**
 * Reads until it is known whether an answer begins, each piece as it comes and without waiting for anything else.
 * A stream that needs no look is not read at all. Rejects with whatever the reader rejects with.
 */
export async function readUntilContent(
  reader: ChunkReader,
  watch: StreamWatch,
  limits: FirstContentLimits = firstContentLimits,
): Promise<StreamBeginning> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  while (!watch.hasContent && watch.errorEvent === undefined) {
    if (watch.eventCount >= limits.maxEvents || bytes >= limits.maxBytes) {
      watch.stopWaiting();
      break;
    }
    const { done, value } = await reader.read();
    if (done) {
      watch.end();
      if (watch.hasContent || watch.errorEvent !== undefined) break;
      return { kind: watch.hasEvents ? "ended" : "empty", chunks };
    }
    bytes += value.byteLength;
    chunks.push(value);
    watch.push(value);
  }
  return watch.errorEvent !== undefined && !watch.hasContent
    ? errorBeginning(watch.errorEvent, chunks)
    : { kind: "content", chunks };
}

function errorBeginning(error: StreamError, chunks: readonly Uint8Array[]): StreamBeginning {
  return { kind: "error", message: error.message, status: error.status, chunks };
}
