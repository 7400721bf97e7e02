import { describe, expect, test } from "bun:test";
import {
  admit,
  type BreakerEvent,
  type BreakerSettings,
  type BreakerState,
  closedBreaker,
  openUntil,
  settle,
} from "./circuit-breaker.ts";

const settings: BreakerSettings = { failureThreshold: 3, openMs: 30_000, trialLossMs: 5_000 };

function after(state: BreakerState, event: BreakerEvent, now: number, token?: number): BreakerState {
  return settle(state, event, token, { now, settings });
}

/** Open since `at`. */
function openedAt(at: number): BreakerState {
  let state = closedBreaker;
  for (let failure = 0; failure < 3; failure += 1) state = after(state, "failure", at);
  return state;
}

/** Half-open with a trial that began at `now`. */
function onTrial(now: number): { state: BreakerState; token: number } {
  const admission = admit(openedAt(now - 30_001), now, settings);
  if (!admission.isAdmitted || admission.token === undefined) throw new Error("expected a trial");
  return { state: admission.state, token: admission.token };
}

describe("a closed breaker", () => {
  test("admits without a token", () => {
    expect(admit(closedBreaker, 0, settings)).toEqual({
      isAdmitted: true,
      token: undefined,
      state: closedBreaker,
    });
  });

  test("stays closed below the threshold and opens at it", () => {
    const twice = after(after(closedBreaker, "failure", 1), "failure", 2);
    expect(twice).toMatchObject({ phase: "closed", failures: 2 });
    expect(after(twice, "failure", 3)).toMatchObject({ phase: "open", lastFailureAt: 3 });
  });

  test("forgets its failures at a success, and only failures in a row count", () => {
    const twice = after(after(closedBreaker, "failure", 1), "failure", 2);
    const reset = after(twice, "success", 3);
    expect(reset).toMatchObject({ phase: "closed", failures: 0 });
    expect(after(after(reset, "failure", 4), "failure", 5).phase).toBe("closed");
  });

  test("neither counts nor forgets at a neutral result", () => {
    const once = after(closedBreaker, "failure", 1);
    expect(after(once, "neutral", 2)).toBe(once);
  });

  test("ignores the late result of an earlier trial", () => {
    const { state, token } = onTrial(40_000);
    const closed = after(state, "success", 40_001, token);
    expect(after(closed, "failure", 40_002, token)).toBe(closed);
  });
});

describe("an open breaker", () => {
  test("refuses up to and including its end, and says until when", () => {
    const open = openedAt(100);
    expect(openUntil(open, settings)).toBe(30_100);
    expect(admit(open, 30_100, settings)).toMatchObject({ isAdmitted: false, retryAt: 30_100 });
  });

  test("is half-open afterwards, with the caller as its trial", () => {
    const admission = admit(openedAt(100), 30_101, settings);
    expect(admission).toMatchObject({ isAdmitted: true, token: 1, state: { phase: "half-open" } });
    expect(openUntil(admission.state, settings)).toBeUndefined();
  });

  test.each(["success", "failure", "neutral"] as const)(
    "ignores a late %s from before it opened",
    (event) => {
      const open = openedAt(100);
      expect(after(open, event, 200)).toBe(open);
    },
  );
});

describe("a half-open breaker", () => {
  test("refuses others while its trial is young", () => {
    const { state } = onTrial(40_000);
    expect(admit(state, 45_000, settings)).toMatchObject({ isAdmitted: false, retryAt: 45_000 });
  });

  test("lets exactly one caller take over a lost trial, with a new token", () => {
    const { state, token } = onTrial(40_000);
    const takeover = admit(state, 45_001, settings);
    expect(takeover).toMatchObject({ isAdmitted: true, token: token + 1 });
    expect(admit(takeover.state, 45_002, settings).isAdmitted).toBe(false);
    expect(after(takeover.state, "success", 45_003, token)).toBe(takeover.state);
  });

  test("closes at the success of its trial", () => {
    const { state, token } = onTrial(40_000);
    expect(after(state, "success", 41_000, token)).toMatchObject({ phase: "closed", failures: 0 });
  });

  test("opens again at the failure of its trial, from then on", () => {
    const { state, token } = onTrial(40_000);
    expect(after(state, "failure", 41_000, token)).toMatchObject({ phase: "open", lastFailureAt: 41_000 });
  });

  test("frees the slot when its trial ends neutrally", () => {
    const { state, token } = onTrial(40_000);
    const free = after(state, "neutral", 40_500, token);
    expect(admit(free, 40_501, settings)).toMatchObject({ isAdmitted: true, token: token + 1 });
  });

  test("ignores a result without a token", () => {
    const { state } = onTrial(40_000);
    expect(after(state, "success", 41_000)).toBe(state);
    expect(after(state, "failure", 41_000)).toBe(state);
  });
});

test("the specified example: five failures open it at 4 s, one trial at 34.1 s, open until 70 s", () => {
  const five = { ...settings, failureThreshold: 5, trialLossMs: 30_000 };
  let state = closedBreaker;
  for (const now of [0, 1_000, 2_000, 3_000, 4_000]) {
    state = settle(state, "failure", undefined, { now, settings: five });
  }
  expect(admit(state, 10_000, five).isAdmitted).toBe(false);
  const trial = admit(state, 34_100, five);
  expect(trial.isAdmitted).toBe(true);
  expect(admit(trial.state, 34_200, five).isAdmitted).toBe(false);
  const token = trial.isAdmitted ? trial.token : undefined;
  state = settle(trial.state, "failure", token, { now: 40_000, settings: five });
  expect(openUntil(state, five)).toBe(70_000);
  const second = admit(state, 70_001, five);
  const secondToken = second.isAdmitted ? second.token : undefined;
  expect(settle(second.state, "success", secondToken, { now: 70_002, settings: five }).phase).toBe("closed");
});
