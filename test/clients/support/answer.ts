import type { ToolCall } from "./turn.ts";

/** What a script lets the model say; each dialect has its own way to write it down. */
export interface Answer {
  readonly reasoning?: string;
  readonly text?: string;
  readonly calls?: readonly ToolCall[];
  /** The endpoint dies after that many events of the stream. */
  readonly cutAfter?: number;
  /** Waits before the first piece, in ms. */
  readonly delayMs?: number;
}

/** An error as the endpoint itself answers it. */
export interface Refusal {
  readonly status: number;
  readonly message: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** One event of a stream, in wire form. */
export interface WireEvent {
  /** The `event:` line; none in chat completions. */
  readonly name?: string;
  readonly data: unknown;
}

export const usage = { input: 17, output: 5 } as const;

export function isRefusal(value: Answer | Refusal): value is Refusal {
  return "status" in value;
}

/** Cuts text in pieces as small models stream it: by word, spaces kept. */
export function piecesOf(text: string): string[] {
  return text.match(/\s*\S+|\s+$/g) ?? [];
}

/** Cuts a JSON text in two pieces, at a place that is no boundary of anything. */
export function halvesOf(text: string): [string, string] {
  const middle = Math.ceil(text.length / 2);
  return [text.slice(0, middle), text.slice(middle)];
}

export function renderSse(event: WireEvent): string {
  const line = event.name === undefined ? "" : `event: ${event.name}\n`;
  return `${line}data: ${typeof event.data === "string" ? event.data : JSON.stringify(event.data)}\n\n`;
}
