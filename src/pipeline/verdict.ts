import type { OllaError } from "../errors.ts";
import { verdictOfStatus } from "../proxy/breaker.ts";
import type { AttemptVerdict } from "../proxy/traffic.ts";

/** What a whole answer says about the endpoint, by its status. */
export function verdictOfAnswer(status: number): AttemptVerdict {
  const verdict = verdictOfStatus(status);
  return verdict === "failure" ? "server-error" : verdict;
}

/** What a failed attempt, or a broken answer, says about the endpoint. */
export function verdictOfError(error: OllaError): AttemptVerdict {
  switch (error.code) {
    case "client_abort":
    case "cancelled":
    case "internal":
      return "neutral";
    case "connect_timeout":
    case "header_timeout":
    case "response_timeout":
      return "timeout";
    case "read_timeout":
    case "truncated":
    case "stream_error":
      return "stream";
    case "upstream_status":
      return "server-error";
    default:
      return "connection";
  }
}
