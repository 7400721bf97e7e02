import type { OllaError } from "../errors.ts";

/** `start-over`: every candidate was tried, and the first attempt of a new round over all of them is due. */
export type AfterFailure = "next-candidate" | "start-over" | "give-up";

export interface FailoverSettings {
  /** Without it the first attempt is the only one. */
  readonly enabled: boolean;
  /** For one request; 0 is each candidate once. */
  readonly maxAttempts: number;
  /** Answers that another endpoint may do better than. */
  readonly onStatus: readonly number[];
  /** Pause before the second attempt; it doubles with each further one. */
  readonly backoffMs: number;
  readonly maxBackoffMs: number;
  /** Share of a pause that is left to chance, from 0 to 1. */
  readonly jitter: number;
  /** Draws from [0, 1). */
  readonly random: () => number;
}

/**
 * What follows a failed attempt. Asked only while nothing of an answer has reached the client. `attempts` counts those
 * made, the failed one included; `candidatesLeft` those not tried in this round.
 */
export interface FailoverPolicy {
  afterError(error: OllaError, attempts: number, candidatesLeft: number): AfterFailure;
  /** `give-up` for a status that is not a failed attempt: the answer is the client's. */
  afterStatus(status: number, attempts: number, candidatesLeft: number): AfterFailure;
  /** For an answer that `isModelMissing`. Never `start-over`: who has not got the model will not have it a moment later. */
  afterModelMissing(attempts: number, candidatesLeft: number): AfterFailure;
  /** Whether an answer with this status is a failed attempt, whether or not another one follows. */
  isFailedStatus(status: number): boolean;
  /** Milliseconds to wait before the given attempt, the first of which is 1. */
  backoffBefore(attempt: number): number;
}

/** The client's fault, or a refusal meant for it: never sent to another endpoint, whatever the configuration says. */
export const neverRetriedStatuses: readonly number[] = [400, 401, 403, 413, 422];

export function createFailoverPolicy(settings: FailoverSettings): FailoverPolicy {
  const { enabled, maxAttempts, backoffMs, maxBackoffMs, jitter, random } = settings;
  const failedStatuses = new Set(
    settings.onStatus.filter((status) => !neverRetriedStatuses.includes(status)),
  );

  const goOn = (attempts: number, candidatesLeft: number): AfterFailure => {
    if (!enabled || (maxAttempts > 0 && attempts >= maxAttempts)) return "give-up";
    if (candidatesLeft > 0) return "next-candidate";
    return maxAttempts > 0 ? "start-over" : "give-up";
  };

  return {
    afterError: (error, attempts, candidatesLeft) =>
      error.isRetryable ? goOn(attempts, candidatesLeft) : "give-up",
    afterStatus: (status, attempts, candidatesLeft) =>
      failedStatuses.has(status) ? goOn(attempts, candidatesLeft) : "give-up",
    afterModelMissing: (attempts, candidatesLeft) =>
      candidatesLeft > 0 ? goOn(attempts, candidatesLeft) : "give-up",
    isFailedStatus: (status) => failedStatuses.has(status),
    backoffBefore(attempt) {
      if (attempt < 2 || backoffMs <= 0) return 0;
      const pauseMs = Math.min(maxBackoffMs, backoffMs * 2 ** (attempt - 2));
      return pauseMs * (1 - jitter * random());
    },
  };
}

/** Whether a failed attempt says something about the endpoint's reachability (and so takes it out of routing). */
export function demotesEndpoint(error: OllaError): boolean {
  return error.isRetryable;
}

/** The policy with default settings, for callers that know of errors only. */
export function decideAfterFailure(error: OllaError): "next-candidate" | "give-up" {
  return error.isRetryable ? "next-candidate" : "give-up";
}
