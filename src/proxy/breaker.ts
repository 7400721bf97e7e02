/** What went wrong with an attempt. `stream`: an answer that had begun broke off, fell silent or ended without its end. */
export type AttemptFailureKind = "connection" | "timeout" | "server-error" | "stream";

/** Why a candidate gets nothing now. */
export interface BreakerBlock {
  readonly endpoint: string;
  /** `undefined` when the whole endpoint is blocked. */
  readonly model: string | undefined;
  /** `half-open`: its one trial is under way. */
  readonly state: "open" | "half-open";
  /** Monotonic milliseconds. While a trial is under way this is when to ask again at the latest; never more than `openMs` ahead. */
  readonly retryAt: number;
}

/**
 * Leave to send one attempt. `success`, `failure` and `neutral` end it: the first call counts, further ones do nothing.
 * Every pass is to be ended, whatever happens; a trial's pass that is not is taken for lost after `trialLossMs`.
 */
export interface BreakerPass {
  /**
   * Optional, before the end: the first content has arrived. A half-open breaker closes on probation (others may come
   * in, the next failure opens it again), so that a long answer does not keep everyone else out. Does nothing else.
   */
  answered(): void;
  /** The answer was delivered whole. For streams call it at the end, or streams cut again and again look like successes. */
  success(): void;
  failure(kind: AttemptFailureKind): void;
  /** Says nothing about the endpoint: a client's mistake (4xx), a client that left, 429, a plain 500 (see `noteSuspicion`). */
  neutral(): void;
}

/** One change of one breaker, reported once. */
export interface BreakerTransition {
  readonly endpoint: string;
  /** `undefined` for the endpoint's own breaker. */
  readonly model: string | undefined;
  readonly from: BreakerPhase;
  readonly to: BreakerPhase;
  /** In a row, failed trials included; 0 when it closes. */
  readonly failures: number;
  /** Monotonic milliseconds; `undefined` unless it opened. */
  readonly retryAt: number | undefined;
}

export type BreakerPhase = "closed" | "open" | "half-open";

/** For status. A breaker whose open time is over is `half-open`: the next request is its trial. */
export interface BreakerStatus {
  readonly state: BreakerPhase;
  /** Monotonic milliseconds; `undefined` when a request would be let through now. */
  readonly retryAt: number | undefined;
}

export interface EndpointBreakerStatus extends BreakerStatus {
  /** Models whose own breaker is not closed. */
  readonly models: readonly ModelBreakerStatus[];
}

export interface ModelBreakerStatus extends BreakerStatus {
  readonly model: string;
}

/** What a response status means for the breakers. `suspicion`: end the pass as neutral, then `noteSuspicion`. */
export type StatusVerdict = "success" | "neutral" | "failure" | "suspicion";

/**
 * 5xx counts, 503 and 529 included: a box that answers 503 at once would draw all traffic. 429 is back-pressure and
 * 4xx the client's doing. 501 and 505 are about what was asked for, so that no client can shut an endpoint with them.
 */
export function verdictOfStatus(status: number): StatusVerdict {
  if (status < 400) return "success";
  if (status === 500) return "suspicion";
  return status < 500 || status === 501 || status === 505 ? "neutral" : "failure";
}
