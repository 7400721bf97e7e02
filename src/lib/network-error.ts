/** What went wrong between two machines, independent of the runtime's names for it. */
export type NetworkFailure =
  | "connect_refused"
  | "connect_timeout"
  | "dns"
  | "unreachable"
  | "reset"
  | "eof_before_head"
  | "tls"
  | "malformed_response"
  | "aborted"
  | "other";

const failureByCode: Readonly<Record<string, NetworkFailure>> = {
  ECONNREFUSED: "connect_refused",
  ConnectionRefused: "connect_refused",
  FailedToOpenSocket: "connect_refused",

  ETIMEDOUT: "connect_timeout",
  ConnectionTimeout: "connect_timeout",

  ENOTFOUND: "dns",
  EAI_AGAIN: "dns",
  EAI_FAIL: "dns",
  EAI_NODATA: "dns",
  EAI_NONAME: "dns",
  ESERVFAIL: "dns",
  ENODATA: "dns",

  EHOSTUNREACH: "unreachable",
  EHOSTDOWN: "unreachable",
  ENETUNREACH: "unreachable",
  ENETDOWN: "unreachable",
  EADDRNOTAVAIL: "unreachable",

  ECONNRESET: "reset",
  ECONNABORTED: "reset",
  EPIPE: "reset",
  ConnectionReset: "reset",

  ConnectionClosed: "eof_before_head",
  UnexpectedEOF: "eof_before_head",

  EPROTO: "tls",
  ERR_SSL_WRONG_VERSION_NUMBER: "tls",
  CERT_HAS_EXPIRED: "tls",
  CERT_NOT_YET_VALID: "tls",
  CERT_REVOKED: "tls",
  CERT_REJECTED: "tls",
  CERT_UNTRUSTED: "tls",
  CERT_SIGNATURE_FAILURE: "tls",
  DEPTH_ZERO_SELF_SIGNED_CERT: "tls",
  SELF_SIGNED_CERT_IN_CHAIN: "tls",
  UNABLE_TO_GET_ISSUER_CERT: "tls",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "tls",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "tls",
  HOSTNAME_MISMATCH: "tls",
  INVALID_CA: "tls",

  Malformed_HTTP_Response: "malformed_response",
  ZlibError: "malformed_response",
  BrotliDecompressionError: "malformed_response",
  ZstdDecompressionError: "malformed_response",
  InvalidHTTPResponse: "malformed_response",
};

const tlsCodePattern = /^(?:ERR_TLS_|ERR_SSL_|ERR_BORINGSSL|CERT_|X509_)/;
const malformedCodePattern = /^(?:HPE_|ResponseHeader|Unsupported_?TransferEncoding)/i;
/** How deep `cause` is followed: a fetch wrapper or two, never a cycle. */
const maxCauseDepth = 4;

/**
 * Names a failed `fetch`, socket or look-up by `name` first, then by its string `code`; never by its message.
 * An abort is `aborted` whoever asked for it, a timer's `TimeoutError` included: only the caller knows its reason.
 * Bun 1.4.5 reports a connection that closed cleanly before the response head as a reset; both are named `reset`.
 */
export function classifyNetworkError(error: unknown): NetworkFailure {
  let current = error;
  for (let depth = 0; depth < maxCauseDepth && isObject(current); depth += 1) {
    const failure = classifyOne(current);
    if (failure !== undefined) return failure;
    current = current.cause;
  }
  return "other";
}

function classifyOne(error: ErrorLike): NetworkFailure | undefined {
  // Both are DOMExceptions whose `code` is a number, so the name has to speak.
  if (error.name === "AbortError" || error.name === "TimeoutError") return "aborted";
  if (typeof error.code !== "string") return undefined;
  const known = failureByCode[error.code];
  if (known !== undefined) return known;
  if (tlsCodePattern.test(error.code)) return "tls";
  return malformedCodePattern.test(error.code) ? "malformed_response" : undefined;
}

interface ErrorLike {
  readonly name?: unknown;
  readonly code?: unknown;
  readonly cause?: unknown;
}

function isObject(value: unknown): value is ErrorLike {
  return typeof value === "object" && value !== null;
}
