import type { RunningOlla } from "../../support/start-olla.ts";

/** A client's dialect in front of an endpoint that only knows chat completions. */
export interface TranslatedDialect {
  readonly name: string;
  readonly path: string;
  /** A streaming request, or one that is not. */
  body(isStream: boolean, model?: string): string;
  /** Stands in a stream that has come to its end, and only there. */
  readonly endMark: RegExp;
  /** Stands in a stream that the client must not take for whole. */
  readonly errorMark: RegExp;
  /** The error message of a whole refusal. */
  errorOf(answer: unknown): string | undefined;
  /** What a whole answer said. */
  textOf(answer: unknown): string | undefined;
  /** What is written while nothing comes; undefined where nothing can be. */
  readonly keepalive: string | undefined;
}

const said = [{ role: "user", content: "hi" }];

export const translatedDialects: readonly TranslatedDialect[] = [
  {
    name: "Anthropic",
    path: "/olla/proxy/v1/messages",
    body: (stream, model = "tiny") => JSON.stringify({ model, max_tokens: 100, messages: said, stream }),
    endMark: /event: message_stop/,
    errorMark: /event: error\ndata: /,
    errorOf: (answer) =>
      read(answer, "type") === "error" ? textAt(answer, "error", "message") : "no error of Anthropic's",
    textOf: (answer) => textAt(answer, "content", 0, "text"),
    keepalive: 'event: ping\ndata: {"type": "ping"}',
  },
  {
    name: "Responses",
    path: "/olla/proxy/v1/responses",
    body: (stream, model = "tiny") => JSON.stringify({ model, input: "hi", stream }),
    endMark: /event: response\.(?:completed|incomplete)/,
    errorMark: /event: response\.failed\ndata: /,
    errorOf: (answer) => textAt(answer, "error", "message"),
    textOf: (answer) => textAt(answer, "output", 0, "content", 0, "text"),
    keepalive: ": keep-alive",
  },
  {
    name: "Ollama",
    path: "/olla/proxy/api/chat",
    body: (stream, model = "tiny") => JSON.stringify({ model, messages: said, stream }),
    endMark: /"done":true/,
    errorMark: /^\{"error":"/m,
    errorOf: (answer) => textAt(answer, "error"),
    textOf: (answer) => textAt(answer, "message", "content"),
    keepalive: undefined,
  },
];

export function ask(
  olla: RunningOlla,
  { path, body }: TranslatedDialect,
  { isStream = true, signal }: { readonly isStream?: boolean; readonly signal?: AbortSignal } = {},
): Promise<Response> {
  return fetch(`${olla.url}${path}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: body(isStream),
    ...(signal !== undefined && { signal }),
  });
}

function textAt(value: unknown, ...keys: readonly (string | number)[]): string | undefined {
  let found = value;
  for (const key of keys) found = read(found, key);
  return typeof found === "string" ? found : undefined;
}

function read(value: unknown, key: string | number): unknown {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>)[key] : undefined;
}
