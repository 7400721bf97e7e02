import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  admit,
  type BreakerEvent,
  type BreakerSettings,
  type BreakerState,
  blockedUntil,
  closedBreaker,
  closeOnProbation,
  isClean,
  openUntil,
  settle,
} from "./circuit-breaker.ts";
import {
  addResult,
  failureRateOf,
  fewestResultsForRate,
  hasRecentFailure,
  type RecentResults,
} from "./circuit-breaker-window.ts";

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

describe("a failure rate", () => {
  const rated: BreakerSettings = { ...settings, failureThreshold: 100, failureRate: 0.5, windowMs: 60_000 };

  function feed(
    results: string,
    start: number,
    stepMs: number,
    from: BreakerState = closedBreaker,
  ): BreakerState {
    let state = from;
    let now = start;
    for (const result of results) {
      state = settle(state, result === "x" ? "failure" : "success", undefined, { now, settings: rated });
      now += stepMs;
    }
    return state;
  }

  test("says nothing before ten results", () => {
    expect(feed("xxxxxxxxx", 0, 1).phase).toBe("closed");
  });

  test("opens the breaker when it is reached, though successes lie between", () => {
    expect(feed(".x.x.x.x.", 0, 100).phase).toBe("closed");
    expect(feed(".x.x.x.x.x", 0, 100)).toMatchObject({ phase: "open", lastFailureAt: 900 });
  });

  test("opens nothing below it, and never at a success", () => {
    expect(feed("..x.x..x...x.".repeat(20), 0, 100).phase).toBe("closed");
    expect(feed("xxxxx....", 0, 1).phase).toBe("closed");
    expect(feed("xxxxx.....", 0, 1).phase).toBe("closed");
  });

  test("forgets what is older than the window", () => {
    const early = feed("xxxxxxxxx", 0, 1);
    expect(feed("x", 30_000, 1, early).phase).toBe("open");
    expect(feed("x", 60_000, 1, early).phase).toBe("closed");
  });

  test("starts afresh when the breaker closes again", () => {
    const open = feed("xxxxxxxxxx", 0, 1);
    const trial = admit(open, 30_010, rated);
    if (!trial.isAdmitted) throw new Error("expected a trial");
    const closed = settle(trial.state, "success", trial.token, { now: 30_011, settings: rated });
    expect(feed("xxxxxxxxx", 30_012, 1, closed).phase).toBe("closed");
  });

  test("ignores neutral results", () => {
    const state = feed("xxxxxxxxx", 0, 1);
    expect(settle(state, "neutral", undefined, { now: 10, settings: rated })).toBe(state);
  });

  test("keeps a bounded memory, whatever comes", () => {
    const state = feed(".".repeat(5_000), 0, 37);
    expect(state.phase === "closed" ? (state.recent?.length ?? 0) : -1).toBeWithin(1, 11);
  });

  test("leaves the breaker dirty until its failures have left the window", () => {
    const state = feed("x.", 0, 1);
    expect(isClean(state, 59_999, rated)).toBe(false);
    expect(isClean(state, 60_000, rated)).toBe(true);
  });

  test("counted in slots is the share of failures among the results of the last ten slots", () => {
    const results = fc.array(fc.record({ waitMs: fc.nat({ max: 400 }), isFailure: fc.boolean() }), {
      minLength: 1,
      maxLength: 60,
    });
    fc.assert(
      fc.property(results, (steps) => {
        let recent: RecentResults = [];
        let now = 0;
        const all: { slot: number; isFailure: boolean }[] = [];
        for (const { waitMs, isFailure } of steps) {
          now += waitMs;
          all.push({ slot: Math.floor(now / 100), isFailure });
          recent = addResult(recent, isFailure ? "failure" : "success", now, 1_000);
          const inside = all.filter((entry) => entry.slot > Math.floor(now / 100) - 10);
          const failures = inside.filter((entry) => entry.isFailure).length;
          const expected = inside.length < fewestResultsForRate ? undefined : failures / inside.length;
          expect(failureRateOf(recent)).toBe(expected);
          expect(hasRecentFailure(recent, now, 1_000)).toBe(failures > 0);
        }
      }),
    );
  });
});

describe("closing on probation", () => {
  test("lets others in, and the next failure opens the breaker again", () => {
    const { state, token } = onTrial(40_000);
    const closed = closeOnProbation(state, token, settings);
    expect(admit(closed, 40_001, settings).isAdmitted).toBe(true);
    expect(after(closed, "failure", 40_002)).toMatchObject({ phase: "open", lastFailureAt: 40_002 });
  });

  test("ends at the first success", () => {
    const { state, token } = onTrial(40_000);
    const well = after(closeOnProbation(state, token, settings), "success", 40_001);
    expect(after(well, "failure", 40_002).phase).toBe("closed");
  });

  test("needs the token of the trial under way", () => {
    const { state, token } = onTrial(40_000);
    expect(closeOnProbation(state, token + 1, settings)).toBe(state);
    const open = openedAt(0);
    expect(closeOnProbation(open, token, settings)).toBe(open);
    expect(closeOnProbation(closedBreaker, token, settings)).toBe(closedBreaker);
  });
});

test("what blocks now is what admit would say", () => {
  const { state } = onTrial(40_000);
  const free = after(state, "neutral", 40_001, 1);
  for (const candidate of [closedBreaker, openedAt(20_000), state, free]) {
    for (const now of [40_000, 45_000, 45_001, 50_000, 50_001]) {
      const admission = admit(candidate, now, settings);
      expect(blockedUntil(candidate, now, settings)).toBe(
        admission.isAdmitted ? undefined : admission.retryAt,
      );
    }
  }
});

test("only a closed breaker without failures is clean", () => {
  expect(isClean(closedBreaker, 0, settings)).toBe(true);
  expect(isClean(after(closedBreaker, "failure", 0), 0, settings)).toBe(false);
  expect(isClean(openedAt(0), 0, settings)).toBe(false);
});
