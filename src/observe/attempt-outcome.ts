import type { ErrorCode } from "../errors.ts";
import type { AttemptRecord, Outcome } from "./outcome.ts";

/** What became of one send. `stream_precommit`: an answer that broke before anything of it went to the client. */
export const attemptOutcomes = [
  "ok",
  "connect_error",
  "timeout",
  "http_4xx",
  "http_429",
  "http_5xx",
  "stream_precommit",
  "stream_broken",
  "failed",
  "aborted",
  "cancelled",
] as const;

export type AttemptOutcome = (typeof attemptOutcomes)[number];

/** @param attempt one of the outcome's */
export function attemptOutcomeOf(attempt: AttemptRecord, outcome: Outcome): AttemptOutcome {
  const { error } = attempt;
  const isAnswer = isAnswered(attempt, outcome);
  if (error !== undefined) return outcomeOfError(error, attempt, isAnswer);
  if (outcome.ending === "client-abort") return "aborted";
  if (outcome.ending === "cancelled") return "cancelled";
  if (outcome.ending !== "complete") return isAnswer ? "stream_broken" : "failed";
  return outcomeOfStatus(attempt.status);
}

/** Whether the endpoint failed. A 4xx is the client's doing, and who leaves says nothing about the endpoint. */
export function isEndpointFailure(outcome: AttemptOutcome): boolean {
  return !(outcome === "ok" || outcome === "http_4xx" || outcome === "aborted" || outcome === "cancelled");
}

/** Whether the attempt's answer went to the client, whole or not, and did not merely lead to the next endpoint. */
export function isAnswered(attempt: AttemptRecord, outcome: Outcome): boolean {
  return outcome.endpoint === attempt.endpoint && attempt === outcome.attempts.at(-1);
}

/** What counts for nobody. */
export function isEndedByOthers({ error }: AttemptRecord): boolean {
  return error === "client_abort" || error === "cancelled";
}

function outcomeOfStatus(status: number | undefined): AttemptOutcome {
  if (status === undefined) return "failed";
  if (status < 400) return "ok";
  if (status === 429) return "http_429";
  return status < 500 ? "http_4xx" : "http_5xx";
}

function outcomeOfError(error: ErrorCode, { status }: AttemptRecord, isAnswer: boolean): AttemptOutcome {
  switch (error) {
    case "client_abort":
      return "aborted";
    case "cancelled":
      return "cancelled";
    case "upstream_status":
      return outcomeOfStatus(status);
    case "connect_refused":
    case "connect_timeout":
    case "dns":
    case "unreachable":
    case "reset":
    case "eof_before_head":
    case "tls":
      // The same words are used for a connection that is lost later.
      if (status === undefined) return "connect_error";
      return isAnswer ? "stream_broken" : "stream_precommit";
    case "header_timeout":
    case "read_timeout":
    case "response_timeout":
      return "timeout";
    case "stream_error":
    case "truncated":
    case "malformed_response":
    case "upstream_failed":
      return isAnswer ? "stream_broken" : "stream_precommit";
    default:
      return "failed";
  }
}
