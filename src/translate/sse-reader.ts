import { createParser, type EventSourceMessage } from "eventsource-parser";

/** Takes an event stream apart, cut at any byte. */
export interface SseReader {
  push(chunk: Uint8Array): void;
  /** The stream is over: an event that lacks nothing but the line end after it counts. */
  end(): void;
}

export interface SseListener {
  /** Every whole event, in order; `event` is undefined for one without a name. */
  readonly onEvent: (event: EventSourceMessage) => void;
  /** A field that no event stream has. */
  readonly onUnknownField: (field: string, value: string) => void;
  /** An event is longer than anyone means it to be. Nothing comes after it. */
  readonly onTooLong: () => void;
}

/** Characters. An endpoint that never ends a line must not fill our memory. */
const eventLimit = 16 * 1024 * 1024;

export function createSseReader({ onEvent, onUnknownField, onTooLong }: SseListener): SseReader {
  const decoder = new TextDecoder();
  let isTooLong = false;
  const parser = createParser({
    maxBufferSize: eventLimit,
    onEvent,
    onError({ type, field, value }) {
      if (type === "unknown-field") onUnknownField(field ?? "", value ?? "");
      if (type === "max-buffer-size-exceeded") stop();
    },
  });
  /** The last line, as long as it is not whole: the parser drops the beginnings of fields that it does not know. */
  let begun = "";
  const stop = () => {
    isTooLong = true;
    begun = "";
    onTooLong();
  };
  const feed = (text: string) => {
    if (isTooLong) return;
    const end = Math.max(text.lastIndexOf("\n"), text.lastIndexOf("\r")) + 1;
    if (end > 0) {
      const lines = begun + text.slice(0, end);
      begun = text.slice(end);
      parser.feed(lines);
    } else {
      begun += text;
    }
    if (begun.length > eventLimit && !isTooLong) stop();
  };
  return {
    push: (chunk) => feed(decoder.decode(chunk, { stream: true })),
    end: () => feed(`${decoder.decode()}\n\n`),
  };
}

/** One event as it goes to a client. */
export function sseEvent(name: string | undefined, data: unknown): string {
  return sseEventOf(name, JSON.stringify(data));
}

/** The same for data that is written already. @param json without line ends */
export function sseEventOf(name: string | undefined, json: string): string {
  return name === undefined ? `data: ${json}\n\n` : `event: ${name}\ndata: ${json}\n\n`;
}
