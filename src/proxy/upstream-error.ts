import { type ErrorCode, OllaError } from "../errors.ts";
import { explainCertificateFailure } from "../lib/client-tls.ts";
import { classifyNetworkError, type NetworkFailure } from "../lib/network-error.ts";

const codeOf: Readonly<Record<NetworkFailure, ErrorCode>> = {
  connect_refused: "connect_refused",
  connect_timeout: "connect_timeout",
  dns: "dns",
  unreachable: "unreachable",
  reset: "reset",
  eof_before_head: "eof_before_head",
  tls: "tls",
  malformed_response: "malformed_response",
  aborted: "upstream_failed",
  other: "upstream_failed",
};

/** What the endpoint did, for a client: no address, no system call. Completes "Endpoint "x" …". */
const deeds: Partial<Record<ErrorCode, string>> = {
  connect_refused: "refused the connection",
  connect_timeout: "could not be connected to in time",
  dns: "has a host name that does not resolve",
  unreachable: "cannot be reached over the network",
  reset: "reset the connection before answering",
  eof_before_head: "closed the connection before answering",
  tls: "failed the TLS handshake",
  malformed_response: "sent something that is not an HTTP response",
  header_timeout: "did not begin to answer in time",
  read_timeout: "fell silent in the middle of its answer",
  response_timeout: "did not finish its answer in time",
  truncated: "broke off in the middle of its answer",
};

/** The error for a failed attempt, with the endpoint's name and the seconds that it took. */
export function upstreamError(
  code: ErrorCode,
  endpointName: string,
  elapsedMs: number,
  cause?: unknown,
): OllaError {
  const certificateDeed = code === "tls" ? explainCertificateFailure(cause) : undefined;
  const deed = certificateDeed ?? deeds[code] ?? "failed";
  return new OllaError(
    code,
    `Endpoint "${endpointName}" ${deed} (after ${(elapsedMs / 1000).toFixed(1)} s)`,
    {
      cause,
    },
  );
}

/**
 * Classifies what `fetch` rejected with before a response head was seen. An abort carries its own reason: whoever
 * aborted the attempt said why, and that is the error.
 */
export function classifyAttemptFailure(
  error: unknown,
  signal: AbortSignal,
  endpointName: string,
  elapsedMs: number,
): OllaError {
  if (signal.aborted && signal.reason instanceof OllaError) return signal.reason;
  if (error instanceof OllaError) return error;
  return upstreamError(codeOf[classifyNetworkError(error)], endpointName, elapsedMs, error);
}

/** Classifies a failure while a response body was being read. Whatever the socket said, the answer was cut. */
export function classifyBodyFailure(
  error: unknown,
  signal: AbortSignal,
  endpointName: string,
  elapsedMs: number,
): OllaError {
  if (signal.aborted && signal.reason instanceof OllaError) return signal.reason;
  return upstreamError("truncated", endpointName, elapsedMs, error);
}
