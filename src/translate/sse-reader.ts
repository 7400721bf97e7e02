import { createParser, type EventSourceMessage } from "eventsource-parser";

/** Takes an event stream apart, cut at any byte. */
export interface SseReader {
  push(chunk: Uint8Array): void;
}

/** @param onEvent called for every whole event, in order; `event` is undefined for one without a name */
export function createSseReader(onEvent: (event: EventSourceMessage) => void): SseReader {
  const decoder = new TextDecoder();
  const parser = createParser({ onEvent });
  return { push: (chunk) => parser.feed(decoder.decode(chunk, { stream: true })) };
}

/** One event as it goes to a client. */
export function sseEvent(name: string | undefined, data: unknown): string {
  const line = name === undefined ? "" : `event: ${name}\n`;
  return `${line}data: ${JSON.stringify(data)}\n\n`;
}
