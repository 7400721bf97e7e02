import { addResult, failureRateOf, hasRecentFailure, type RecentResults } from "./circuit-breaker-window.ts";

/** When a breaker opens and how it tries again. Times in milliseconds. */
export interface BreakerSettings {
  /** Failures in a row that open it. */
  readonly failureThreshold: number;
  /** How long it stays open after the last failure. */
  readonly openMs: number;
  /** A trial that has not reported for this long is taken for lost, and another caller may try. */
  readonly trialLossMs: number;
  /** Share of failures (0 to 1) within `windowMs` that opens it as well. Absent or 0: only failures in a row count. */
  readonly failureRate?: number;
  /** Needed with `failureRate`. */
  readonly windowMs?: number;
}

/** Immutable; the functions below give the next one, or the same one when nothing changes. */
export type BreakerState =
  | ClosedState
  | { readonly phase: "open"; readonly lastFailureAt: number; readonly tokensIssued: number }
  | {
      readonly phase: "half-open";
      /** The one trial under way; undefined when its slot is free. */
      readonly trial: { readonly token: number; readonly startedAt: number } | undefined;
      readonly tokensIssued: number;
    };

interface ClosedState {
  readonly phase: "closed";
  /** In a row. */
  readonly failures: number;
  readonly tokensIssued: number;
  /** Kept only while a failure rate is asked for. */
  readonly recent?: RecentResults;
}

interface SettleContext {
  readonly now: number;
  readonly settings: BreakerSettings;
}

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
  const retryAt = blockedUntil(state, now, settings);
  return retryAt === undefined ? startTrial(state, now) : { isAdmitted: false, retryAt, state };
}

/**
 * What `admit` would say, without making anything: the last moment at which nothing is sent, or `undefined` when a
 * request would be admitted now.
 */
export function blockedUntil(
  state: BreakerState,
  now: number,
  settings: BreakerSettings,
): number | undefined {
  if (state.phase === "closed") return undefined;
  if (state.phase === "half-open" && state.trial === undefined) return undefined;
  const until =
    state.phase === "open"
      ? state.lastFailureAt + settings.openMs
      : (state.trial?.startedAt ?? now) + settings.trialLossMs;
  return now <= until ? until : undefined;
}

/**
 * Takes in a result. `token` is what `admit` gave: a result without one comes from a closed breaker's time and counts
 * only while it still is closed; a result with a superseded one is ignored.
 */
export function settle(
  state: BreakerState,
  event: BreakerEvent,
  token: number | undefined,
  context: SettleContext,
): BreakerState {
  const { tokensIssued } = state;
  if (state.phase === "closed" && token === undefined) return settleClosed(state, event, context);
  if (state.phase !== "half-open" || token === undefined || state.trial?.token !== token) return state;
  if (event === "success") return { phase: "closed", failures: 0, tokensIssued };
  if (event === "failure") return { phase: "open", lastFailureAt: context.now, tokensIssued };
  return { ...state, trial: undefined };
}

/**
 * The trial has begun to answer, but its result is not known yet: others may come in, and the next failure opens the
 * breaker again. Anything but the current trial's token changes nothing.
 */
export function closeOnProbation(
  state: BreakerState,
  token: number,
  settings: Pick<BreakerSettings, "failureThreshold">,
): BreakerState {
  if (state.phase !== "half-open" || state.trial?.token !== token) return state;
  return { phase: "closed", failures: settings.failureThreshold - 1, tokensIssued: state.tokensIssued };
}

/** Closed, and no failure is remembered: the same as a breaker that was never used. */
export function isClean(state: BreakerState, now: number, settings: BreakerSettings): boolean {
  if (state.phase !== "closed" || state.failures > 0) return false;
  return state.recent === undefined || !hasRecentFailure(state.recent, now, settings.windowMs ?? 0);
}

/** Until when nothing is sent, or `undefined` when the breaker is not open. */
export function openUntil(state: BreakerState, settings: BreakerSettings): number | undefined {
  return state.phase === "open" ? state.lastFailureAt + settings.openMs : undefined;
}

function settleClosed(state: ClosedState, event: BreakerEvent, context: SettleContext): BreakerState {
  if (event === "neutral") return state;
  const { now, settings } = context;
  const { tokensIssued } = state;
  const failures = event === "success" ? 0 : state.failures + 1;
  if (failures >= settings.failureThreshold) return { phase: "open", lastFailureAt: now, tokensIssued };
  const { failureRate = 0, windowMs = 0 } = settings;
  if (failureRate <= 0 || windowMs <= 0) {
    return failures === state.failures ? state : { phase: "closed", failures, tokensIssued };
  }
  const recent = addResult(state.recent ?? [], event, now, windowMs);
  const isTooMany = event === "failure" && (failureRateOf(recent) ?? 0) >= failureRate;
  return isTooMany
    ? { phase: "open", lastFailureAt: now, tokensIssued }
    : { phase: "closed", failures, tokensIssued, recent };
}

function startTrial(state: BreakerState, now: number): Admission {
  const token = state.tokensIssued + 1;
  const next: BreakerState = { phase: "half-open", trial: { token, startedAt: now }, tokensIssued: token };
  return { isAdmitted: true, token, state: next };
}
