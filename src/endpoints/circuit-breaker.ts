/** When a breaker opens and how it tries again. Times in milliseconds. */
export interface BreakerSettings {
  /** Failures in a row that open it. */
  readonly failureThreshold: number;
  /** How long it stays open after the last failure. */
  readonly openMs: number;
  /** A trial that has not reported for this long is taken for lost, and another caller may try. */
  readonly trialLossMs: number;
}

/** Immutable; the functions below give the next one, or the same one when nothing changes. */
export type BreakerState =
  | { readonly phase: "closed"; readonly failures: number; readonly tokensIssued: number }
  | { readonly phase: "open"; readonly lastFailureAt: number; readonly tokensIssued: number }
  | {
      readonly phase: "half-open";
      /** The one trial under way; undefined when its slot is free. */
      readonly trial: { readonly token: number; readonly startedAt: number } | undefined;
      readonly tokensIssued: number;
    };

export type Admission =
  /** `token` marks the trial of a half-open breaker and goes with its result. */
  | { readonly isAdmitted: true; readonly token: number | undefined; readonly state: BreakerState }
  /** `retryAt`: the earliest moment at which asking again may help. */
  | { readonly isAdmitted: false; readonly retryAt: number; readonly state: BreakerState };

export type BreakerEvent = "success" | "failure" | "neutral";

export const closedBreaker: BreakerState = { phase: "closed", failures: 0, tokensIssued: 0 };

/** Whether something may be sent now. `now` is monotonic, like every time here. */
export function admit(state: BreakerState, now: number, settings: BreakerSettings): Admission {
  if (state.phase === "closed") return { isAdmitted: true, token: undefined, state };
  if (state.phase === "open") {
    const openUntil = state.lastFailureAt + settings.openMs;
    if (now <= openUntil) return { isAdmitted: false, retryAt: openUntil, state };
    return startTrial(state, now);
  }
  if (state.trial === undefined) return startTrial(state, now);
  const lostAt = state.trial.startedAt + settings.trialLossMs;
  return now <= lostAt ? { isAdmitted: false, retryAt: lostAt, state } : startTrial(state, now);
}

/**
 * Takes in a result. `token` is what `admit` gave: a result without one comes from a closed breaker's time and counts
 * only while it still is closed; a result with a superseded one is ignored.
 */
export function settle(
  state: BreakerState,
  event: BreakerEvent,
  token: number | undefined,
  context: { readonly now: number; readonly settings: BreakerSettings },
): BreakerState {
  const { tokensIssued } = state;
  if (state.phase === "closed" && token === undefined) {
    if (event === "neutral") return state;
    if (event === "success") return state.failures === 0 ? state : { ...state, failures: 0 };
    const failures = state.failures + 1;
    return failures >= context.settings.failureThreshold
      ? { phase: "open", lastFailureAt: context.now, tokensIssued }
      : { ...state, failures };
  }
  if (state.phase !== "half-open" || token === undefined || state.trial?.token !== token) return state;
  if (event === "success") return { phase: "closed", failures: 0, tokensIssued };
  if (event === "failure") return { phase: "open", lastFailureAt: context.now, tokensIssued };
  return { ...state, trial: undefined };
}

/** Until when nothing is sent, or `undefined` when the breaker is not open. */
export function openUntil(state: BreakerState, settings: BreakerSettings): number | undefined {
  return state.phase === "open" ? state.lastFailureAt + settings.openMs : undefined;
}

function startTrial(state: BreakerState, now: number): Admission {
  const token = state.tokensIssued + 1;
  const next: BreakerState = { phase: "half-open", trial: { token, startedAt: now }, tokensIssued: token };
  return { isAdmitted: true, token, state: next };
}
