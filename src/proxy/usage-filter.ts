import type { WriteShaper } from "./delivery.ts";
import { findEndOfBegunEvent, findEventEnd, lineFeed, readEvent } from "./event-split.ts";

/** A longer event tells no usage: it goes on at once instead of being held back until it is complete. */
const eventLimitBytes = 16 * 1024;

const carriageReturn = 0x0d;
const nothing = new Uint8Array(0);

/**
 * Takes the event with the token counts out of an OpenAI event stream: the one that `include_usage` adds, with `usage`
 * and without choices. All other bytes pass as they are, each event as soon as it is complete.
 */
export class UsageFilter {
  /** The beginning of an event, or the last byte of a long one that is passing. */
  #held: Uint8Array = nothing;
  #isPassingLongEvent = false;
  /** What was taken out ended with CR, so a LF that follows belongs to it. */
  #skipsLineFeed = false;

  /** @returns what may go on, in order; empty while everything is held back */
  push(chunk: Uint8Array): Uint8Array {
    const bytes = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    const passed: Uint8Array[] = [];
    let passedTo = 0;
    let at = 0;
    for (;;) {
      if (this.#skipsLineFeed && at < bytes.length) {
        this.#skipsLineFeed = false;
        if (bytes[at] === lineFeed) passedTo = ++at;
      }
      const end = this.#findEnd(bytes, at);
      if (end < 0) break;
      if (!this.#isPassingLongEvent && isUsageEvent(bytes.subarray(at, end))) {
        passed.push(bytes.subarray(passedTo, at));
        passedTo = end;
        this.#skipsLineFeed = bytes[end - 1] === carriageReturn;
      }
      this.#isPassingLongEvent = false;
      at = end;
    }
    this.#isPassingLongEvent ||= bytes.length - at > eventLimitBytes;
    // Of a long event the last byte stays here, because the next chunk may show that it was part of the end.
    const holdFrom = this.#isPassingLongEvent ? Math.max(at, bytes.length - 1) : at;
    this.#held = holdFrom < bytes.length ? new Uint8Array(bytes.subarray(holdFrom)) : nothing;
    passed.push(bytes.subarray(passedTo, holdFrom));
    return passed.length === 1 ? (passed[0] ?? nothing) : Buffer.concat(passed);
  }

  /** What was held back when the stream ended, in the middle of an event or not. */
  end(): Uint8Array {
    const rest = this.#held;
    this.#held = nothing;
    return this.#isPassingLongEvent || !isUsageEvent(rest) ? rest : nothing;
  }

  #findEnd(bytes: Uint8Array, at: number): number {
    if (at >= bytes.length) return -1;
    return this.#isPassingLongEvent ? findEndOfBegunEvent(bytes, "sse", at) : findEventEnd(bytes, "sse", at);
  }
}

/** Puts the filter before a shaper: what is pushed is filtered first. */
export function filterUsage(shaper: WriteShaper): WriteShaper {
  const filter = new UsageFilter();
  const pass = (bytes: Uint8Array) => {
    if (bytes.length > 0) shaper.push(bytes);
  };
  return {
    push: (chunk) => pass(filter.push(chunk)),
    end() {
      pass(filter.end());
      shaper.end();
    },
    next: () => shaper.next(),
    flush: () => shaper.flush(),
  };
}

/** The same for a stream that is at hand as a whole. */
export function withoutUsage(body: Uint8Array): Uint8Array {
  const filter = new UsageFilter();
  return Buffer.concat([filter.push(body), filter.end()]);
}

function isUsageEvent(bytes: Uint8Array): boolean {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (!view.includes('"usage"')) return false;
  const event = readEvent(bytes, "sse");
  if (event === undefined) return false;
  const document = parse(event.data);
  if (typeof document !== "object" || document === null) return false;
  const { choices, usage } = document as Readonly<Record<string, unknown>>;
  return Array.isArray(choices) && choices.length === 0 && typeof usage === "object" && usage !== null;
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch (error) {
    // What is no JSON tells no usage, and is the client's to judge.
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
