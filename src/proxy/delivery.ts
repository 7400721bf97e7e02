/** Whether an answer's bytes go out as they come, or gathered into larger writes. */
export type Delivery = "stream" | "coalesce";

export interface DeliveryQuestion {
  /** The configured `proxy.profile`. */
  readonly mode: "auto" | "streaming" | "standard";
  readonly contentType: string | null;
  /** The client's body has `"stream": true` at its top level. */
  readonly wantsStream: boolean;
}

/** Decided once per answer, from its head. The first rule that fits wins. */
export function chooseDelivery({ mode, contentType, wantsStream }: DeliveryQuestion): Delivery {
  if (mode === "standard") return "coalesce";
  if (mode === "streaming") return "stream";
  const type = contentType?.toLowerCase() ?? "";
  if (eventTypes.some((each) => type.includes(each)) || wantsStream) return "stream";
  const isFile =
    fileTypeBeginnings.some((each) => type.startsWith(each)) || fileTypes.some((each) => type.includes(each));
  return isFile ? "coalesce" : "stream";
}

const eventTypes: readonly string[] = [
  "text/event-stream",
  "application/x-ndjson",
  "application/stream+json",
  "application/json-seq",
  "text/plain; charset=utf-8",
];

const fileTypeBeginnings: readonly string[] = [
  "image/",
  "video/",
  "audio/",
  "font/",
  "model/",
  "application/pdf",
  "application/zip",
  "application/gzip",
  "application/x-tar",
  "application/x-rar",
  "application/x-7z-compressed",
];

const fileTypes: readonly string[] = [
  "application/octet-stream",
  "application/vnd.ms-excel",
  "application/vnd.openxmlformats-officedocument",
  "application/msword",
  "application/vnd.ms-powerpoint",
];

/**
 * Turns what was read into what is written, one write at a time. Ask `next` first; when it has nothing, read on and
 * `push` what came, or `end` when nothing more will come, be it the end or a failure: what is held back goes out first.
 */
export interface WriteShaper {
  push(chunk: Uint8Array): void;
  end(): void;
  /** The next write; undefined when more must be read first, or after the end when all is written. */
  next(): Uint8Array | undefined;
  /** What is held back, after `next` had nothing: for something of our own that has to come behind it. */
  flush(): Uint8Array | undefined;
}

/** @param maxBytes the coalescing threshold, or the largest single write; more than 0 */
export function createWriteShaper(delivery: Delivery, maxBytes: number): WriteShaper {
  return delivery === "stream" ? splitWrites(maxBytes) : coalesceWrites(maxBytes);
}

/** Writes at once what comes, in pieces of at most `maxBytes`. Copies nothing. */
export function splitWrites(maxBytes: number): WriteShaper {
  let rest: Uint8Array | undefined;
  return {
    push(chunk) {
      // Only the relay's next read brings more, and that is asked for when nothing is left.
      if (chunk.length > 0) rest = chunk;
    },
    end() {},
    next() {
      const piece = rest;
      if (piece === undefined || piece.length <= maxBytes) {
        rest = undefined;
        return piece;
      }
      rest = piece.subarray(maxBytes);
      return piece.subarray(0, maxBytes);
    },
    flush: () => undefined,
  };
}

/** Holds bytes back until `maxBytes` are there, and writes exactly that many; the last write has what is left. */
export function coalesceWrites(maxBytes: number): WriteShaper {
  let held: Uint8Array | undefined;
  let heldLength = 0;
  let rest: Uint8Array | undefined;
  let hasEnded = false;

  const takeHeld = () => {
    const piece = held?.subarray(0, heldLength);
    held = undefined;
    heldLength = 0;
    return piece;
  };
  const hold = (bytes: Uint8Array) => {
    held ??= new Uint8Array(maxBytes);
    held.set(bytes, heldLength);
    heldLength += bytes.length;
  };
  return {
    push(chunk) {
      if (chunk.length > 0) rest = chunk;
    },
    end() {
      hasEnded = true;
    },
    next() {
      while (rest !== undefined) {
        if (heldLength === 0 && rest.length >= maxBytes) {
          const piece = rest.subarray(0, maxBytes);
          rest = rest.length === maxBytes ? undefined : rest.subarray(maxBytes);
          return piece;
        }
        const room = maxBytes - heldLength;
        hold(rest.subarray(0, room));
        rest = rest.length > room ? rest.subarray(room) : undefined;
        if (heldLength === maxBytes) return takeHeld();
      }
      return hasEnded ? takeHeld() : undefined;
    },
    flush: takeHeld,
  };
}

const smallestWrite = 2 * 1024;
const largestWrite = 64 * 1024;

/** What `proxy.stream_buffer_size` means in bytes: 0 leaves it to the engine, anything else is held to 2–64 KiB. */
export function writeLimitBytes(streamBufferSize: number, engineDefaultBytes: number): number {
  if (streamBufferSize <= 0) return engineDefaultBytes;
  return Math.min(largestWrite, Math.max(smallestWrite, streamBufferSize));
}
