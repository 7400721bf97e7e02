import { docsHome } from "./lib/docs-home.ts";

/** Who caused a failure: decides the log level, the statistics and whether an endpoint is blamed. */
export type Culprit = "client" | "upstream" | "olla";

interface ErrorKind {
  /** HTTP status of the answer that reports it. */
  readonly status: number;
  readonly culprit: Culprit;
  /** Whether the next candidate may be tried, given that nothing was sent to the client yet. */
  readonly retryable: boolean;
}

/** Every way a request can fail. The code is stable: clients and dashboards match on it. */
export const errorTable = {
  invalid_request: { status: 400, culprit: "client", retryable: false },
  previous_response_not_found: { status: 400, culprit: "client", retryable: false },
  unreadable_body: { status: 400, culprit: "client", retryable: false },
  unauthorized: { status: 401, culprit: "client", retryable: false },
  key_expired: { status: 401, culprit: "client", retryable: false },
  model_not_allowed: { status: 403, culprit: "client", retryable: false },
  forbidden: { status: 403, culprit: "client", retryable: false },
  foreign_origin: { status: 403, culprit: "client", retryable: false },
  unknown_host: { status: 403, culprit: "client", retryable: false },
  route_not_found: { status: 404, culprit: "client", retryable: false },
  provider_not_configured: { status: 404, culprit: "client", retryable: false },
  endpoint_not_found: { status: 404, culprit: "client", retryable: false },
  request_not_found: { status: 404, culprit: "client", retryable: false },
  model_not_found: { status: 404, culprit: "client", retryable: false },
  method_not_allowed: { status: 405, culprit: "client", retryable: false },
  request_timeout: { status: 408, culprit: "client", retryable: false },
  upgrade_required: { status: 426, culprit: "client", retryable: false },
  body_too_large: { status: 413, culprit: "client", retryable: false },
  headers_too_large: { status: 431, culprit: "client", retryable: false },
  rate_limited: { status: 429, culprit: "client", retryable: false },
  client_abort: { status: 499, culprit: "client", retryable: false },
  not_supported: { status: 501, culprit: "client", retryable: false },

  no_healthy_endpoints: { status: 503, culprit: "upstream", retryable: false },
  model_unavailable: { status: 503, culprit: "upstream", retryable: false },
  no_local_endpoint: { status: 503, culprit: "olla", retryable: false },
  daily_tokens_spent: { status: 503, culprit: "olla", retryable: false },
  circuit_open: { status: 503, culprit: "upstream", retryable: false },
  cooling_down: { status: 429, culprit: "upstream", retryable: false },
  upstream_status: { status: 502, culprit: "upstream", retryable: true },
  stream_error: { status: 502, culprit: "upstream", retryable: true },
  connect_refused: { status: 502, culprit: "upstream", retryable: true },
  connect_timeout: { status: 504, culprit: "upstream", retryable: true },
  dns: { status: 502, culprit: "upstream", retryable: true },
  unreachable: { status: 502, culprit: "upstream", retryable: true },
  reset: { status: 502, culprit: "upstream", retryable: true },
  eof_before_head: { status: 502, culprit: "upstream", retryable: true },
  tls: { status: 502, culprit: "upstream", retryable: false },
  malformed_response: { status: 502, culprit: "upstream", retryable: false },
  header_timeout: { status: 504, culprit: "upstream", retryable: false },
  read_timeout: { status: 504, culprit: "upstream", retryable: false },
  response_timeout: { status: 504, culprit: "upstream", retryable: false },
  truncated: { status: 502, culprit: "upstream", retryable: false },
  upstream_failed: { status: 502, culprit: "upstream", retryable: false },

  queue_full: { status: 429, culprit: "olla", retryable: false },
  queue_timeout: { status: 429, culprit: "olla", retryable: false },
  buffer_full: { status: 503, culprit: "olla", retryable: false },
  cancelled: { status: 503, culprit: "olla", retryable: false },
  shutting_down: { status: 503, culprit: "olla", retryable: false },
  loop_detected: { status: 508, culprit: "olla", retryable: false },
  internal: { status: 500, culprit: "olla", retryable: false },
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof errorTable;

export function isErrorCode(text: string): text is ErrorCode {
  return Object.hasOwn(errorTable, text);
}

/** Where an operator reads what a code means and what to do. Each has a heading of its own there; a test looks. */
export function helpFor(code: ErrorCode): string {
  return `${docsHome}/troubleshooting.md#${code}`;
}

export interface OllaErrorOptions {
  readonly cause?: unknown;
  /** Seconds a client should wait, sent as `Retry-After`. */
  readonly retryAfterSeconds?: number;
  /** The request field at fault, in the caller's own words (OpenAI's `param`). */
  readonly field?: string;
}

/** The only error type that reaches a client. `message` is written for that client: no address, no credential. */
export class OllaError extends Error {
  readonly code: ErrorCode;
  readonly retryAfterSeconds: number | undefined;
  readonly field: string | undefined;

  constructor(code: ErrorCode, message: string, options: OllaErrorOptions = {}) {
    super(message, { cause: options.cause });
    this.name = "OllaError";
    this.code = code;
    this.retryAfterSeconds = options.retryAfterSeconds;
    this.field = options.field;
  }

  get status(): number {
    return errorTable[this.code].status;
  }

  get culprit(): Culprit {
    return errorTable[this.code].culprit;
  }

  get isRetryable(): boolean {
    return errorTable[this.code].retryable;
  }
}
