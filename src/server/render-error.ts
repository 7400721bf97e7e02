import { OllaError } from "../errors.ts";
import { anthropicErrorType } from "../translate/anthropic/error-type.ts";
import type { Dialect } from "../translate/dialect.ts";
import { openaiErrorType } from "../translate/openai/error-type.ts";

/**
 * The whole answer that reports an error, in the caller's dialect. That Olla answered, and not an endpoint, is said
 * twice: in the body (`source: "olla"` beside the stable `code`) and in the header `X-Olla-Error: <code>`.
 * `headers` are added as they are, except for those that describe the body.
 */
export function renderError(
  error: OllaError,
  dialect: Dialect,
  requestId: string | undefined,
  headers: Iterable<readonly [string, string]> = [],
): Response {
  const body = encoder.encode(JSON.stringify(errorBody(error, dialect, requestId)));
  const all = new Headers();
  for (const [name, value] of headers) all.append(name, value);
  all.set("Content-Type", "application/json");
  all.set("Content-Length", String(body.byteLength));
  all.set("X-Content-Type-Options", "nosniff");
  all.set("X-Olla-Error", error.code);
  if (error.retryAfterSeconds !== undefined) {
    all.set("Retry-After", String(Math.max(1, Math.ceil(error.retryAfterSeconds))));
  }
  if (requestId !== undefined) {
    all.set("X-Olla-Request-ID", requestId);
    if (dialect === "anthropic") all.set("request-id", requestId);
  }
  return new Response(body, { status: error.status, headers: all });
}

/** For what escaped every handler: nothing is known of the request any more. */
export function renderUnexpected(): Response {
  return renderError(new OllaError("internal", "Olla failed to handle this request"), "openai", undefined);
}

/**
 * What to append to a stream that broke, so that the client sees a failure and not an end. Undefined for content
 * types that can't carry one: cutting the connection is all that tells there.
 *
 * @param lastByte the last byte sent so far. Without it the stream is taken to have stopped inside a line.
 */
export function renderStreamError(
  error: OllaError,
  contentType: string,
  dialect: Dialect,
  lastByte?: number,
): Uint8Array | undefined {
  switch (contentType.split(";", 1)[0]?.trim().toLowerCase()) {
    case "text/event-stream": {
      // The empty line ends whatever event was under way, so that ours stands alone.
      const name = dialect === "anthropic" ? "event: error\n" : "";
      const body = JSON.stringify(errorBody(error, dialect === "ollama" ? "openai" : dialect, undefined));
      return encoder.encode(`\n\n${name}data: ${body}\n\n`);
    }
    case "application/x-ndjson":
    case "application/ndjson":
    case "application/jsonl":
    case "application/jsonlines": {
      // Some clients parse every line, empty ones included: end a line only where one is open.
      const lineEnd = lastByte === newline ? "" : "\n";
      return encoder.encode(`${lineEnd}${JSON.stringify(errorBody(error, "ollama", undefined))}\n`);
    }
    default:
      return undefined;
  }
}

const encoder = new TextEncoder();
const newline = 0x0a;

function errorBody(error: OllaError, dialect: Dialect, requestId: string | undefined): object {
  const { message, code } = error;
  switch (dialect) {
    case "ollama":
      return { error: message, code, source: "olla" };
    case "anthropic":
      return {
        type: "error",
        error: { type: anthropicErrorType(error.status), message, code, source: "olla" },
        ...(requestId === undefined ? {} : { request_id: requestId }),
      };
    case "openai":
      return {
        error: {
          message,
          type: openaiErrorType(error.status),
          param: error.field ?? null,
          code,
          source: "olla",
        },
      };
  }
}
