/** What one request of the soak asks for. It stands in the user's message, so that it outlives a translation. */
export interface Ask {
  /** Unlike any other request's. */
  readonly nonce: number;
  /** 0 for an answer in one piece. */
  readonly tokens: number;
  readonly thinkMs: number;
  readonly intervalMs: number;
}

export function askText({ nonce, tokens, thinkMs, intervalMs }: Ask): string {
  return `soak:${nonce}:${tokens}:${thinkMs}:${intervalMs};`;
}

/** Undefined where a body is none of the soak's. */
export function parseAsk(body: string): Ask | undefined {
  const found = /soak:(\d+):(\d+):(\d+):(\d+);/.exec(body);
  if (found === null) return undefined;
  const [nonce = 0, tokens = 0, thinkMs = 0, intervalMs = 0] = found.slice(1).map(Number);
  return { nonce, tokens, thinkMs, intervalMs };
}

/** Says whose answer it is and which part of it, so that a lost, doubled or foreign one is seen. */
export function tokenText(nonce: number, index: number): string {
  return `#${nonce}.${index};`;
}

export const tokenPattern = /#(\d+)\.(\d+);/g;

export const soakModel = "soak";
