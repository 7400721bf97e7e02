/** How a body is cut into events: SSE by empty lines, NDJSON by line ends. */
export type StreamFraming = "sse" | "ndjson";

/** The wire shape of an answer, which decides what content and the terminal event look like. */
export type StreamKind = "openai" | "anthropic" | "responses" | "ollama";

/** Undefined for bodies that are not made of events. */
export function streamFramingOf(contentType: string | null | undefined): StreamFraming | undefined {
  // Asked several times for each answer, and answers are mostly of one type.
  if (contentType !== lastType) {
    lastFraming = readFraming(contentType);
    lastType = contentType;
  }
  return lastFraming;
}

let lastType: string | null | undefined;
let lastFraming: StreamFraming | undefined;

function readFraming(contentType: string | null | undefined): StreamFraming | undefined {
  switch (contentType?.split(";", 1)[0]?.trim().toLowerCase()) {
    case "text/event-stream":
      return "sse";
    case "application/x-ndjson":
    case "application/ndjson":
    case "application/jsonl":
    case "application/jsonlines":
      return "ndjson";
    default:
      return undefined;
  }
}

/**
 * What an answer from this path looks like when it is streamed; undefined for everything that is no inference
 * (`/api/pull` reports its progress as NDJSON too) or that comes in another framing than the path is known for.
 */
export function streamKindOf(path: string, framing: StreamFraming): StreamKind | undefined {
  const kind = kindBySuffix.find(([suffix]) => withoutQuery(path).endsWith(suffix))?.[1];
  return (kind === "ollama") === (framing === "ndjson") ? kind : undefined;
}

const kindBySuffix: readonly (readonly [string, StreamKind])[] = [
  ["/completions", "openai"],
  ["/messages", "anthropic"],
  ["/responses", "responses"],
  ["/api/chat", "ollama"],
  ["/api/generate", "ollama"],
];

function withoutQuery(path: string): string {
  const at = path.indexOf("?");
  const bare = at < 0 ? path : path.slice(0, at);
  return bare.endsWith("/") ? bare.slice(0, -1) : bare;
}
