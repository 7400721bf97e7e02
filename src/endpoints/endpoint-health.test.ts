import { describe, expect, test } from "bun:test";
import {
  advanceBackoff,
  afterPassiveFailure,
  afterProbe,
  beginCheck,
  type EndpointHealth,
  initialHealth,
} from "./endpoint-health.ts";
import type { EndpointStatus } from "./endpoint-status.ts";
import { judgeAnswer, judgeFailure, type ProbeResult } from "./probe-result.ts";

const settings = { checkIntervalMs: 5_000, checkTimeoutMs: 2_000 };
const wallEpoch = 1_700_000_000_000;

function moment(now: number) {
  return { now, wallTime: wallEpoch + now };
}

function answered(httpStatus: number, startedAt: number, retryAfter: string | null = null): ProbeResult {
  const times = { startedAt, latencyMs: 3 };
  return judgeAnswer({ httpStatus, retryAfter, wallTime: wallEpoch }, 3, times);
}

function slow(startedAt: number): ProbeResult {
  return judgeAnswer({ httpStatus: 200, retryAfter: null, wallTime: 0 }, 11_000, {
    startedAt,
    latencyMs: 11_000,
  });
}

function refused(startedAt: number): ProbeResult {
  return judgeFailure(Object.assign(new Error("x"), { code: "ECONNREFUSED" }), { startedAt, latencyMs: 1 });
}

/** One whole check whose result arrives in the same instant. */
function check(
  health: EndpointHealth,
  result: (startedAt: number) => ProbeResult,
  now: number,
  every = settings,
): EndpointHealth {
  const permit = beginCheck(health, every, now);
  if (!permit.mayCheck) throw new Error(`no check at ${now}`);
  return afterProbe(permit.health, result(now), every, { moment: moment(now), token: permit.token });
}

const healthyAt0 = check(initialHealth(0), (at) => answered(200, at), 0);

describe("back-off", () => {
  test.each([
    [5_000, [5, 10, 20, 40, 60, 60], [2, 4, 8, 12, 12, 12]],
    [10_000, [10, 20, 40, 60, 60, 60], [2, 4, 8, 12, 12, 12]],
    [120_000, [120, 60, 60, 60], [2, 4, 8, 12]],
  ])("after failures with an interval of %d ms waits %p seconds", (intervalMs, waits, multipliers) => {
    let multiplier = 1;
    const seen = waits.map(() => {
      const step = advanceBackoff(multiplier, intervalMs);
      multiplier = step.multiplier;
      return step;
    });
    expect(seen.map((step) => step.waitMs / 1_000)).toEqual(waits);
    expect(seen.map((step) => step.multiplier)).toEqual(multipliers);
  });

  test("ends with one success, without a ramp", () => {
    const failing = check(check(healthyAt0, refused, 5_000), refused, 10_000);
    expect(failing).toMatchObject({ consecutiveFailures: 2, backoffMultiplier: 4, nextCheckAt: 20_000 });
    const well = check(failing, (at) => answered(200, at), 20_000);
    expect(well).toMatchObject({
      status: "healthy",
      consecutiveFailures: 0,
      backoffMultiplier: 1,
      nextCheckAt: 25_000,
    });
  });

  test("is not advanced by a busy answer", () => {
    const busy = check(check(healthyAt0, refused, 5_000), slow, 10_000);
    expect(busy).toMatchObject({
      status: "busy",
      consecutiveFailures: 0,
      backoffMultiplier: 1,
      nextCheckAt: 15_000,
    });
  });

  test("counts from the start of the check", () => {
    const result = refused(5_000);
    const health = afterProbe(healthyAt0, result, settings, { moment: moment(7_000), token: undefined });
    expect(health).toMatchObject({
      nextCheckAt: 10_000,
      checkedAt: 5_000,
      lastCheckedAt: wallEpoch + 5_000,
      lastLatencyMs: 1,
    });
  });

  test("together with the breaker gives checks at 5, 10, 20, about 50, then 40 s and 60 s apart", () => {
    let health = healthyAt0;
    const startedAt: number[] = [];
    for (let count = 0; count < 7; count += 1) {
      const now = health.nextCheckAt;
      startedAt.push(Math.round(now / 1_000));
      health = check(health, refused, now);
    }
    expect(startedAt).toEqual([5, 10, 20, 50, 90, 150, 210]);
  });
});

describe("every result from every status", () => {
  const starts: readonly [EndpointStatus, EndpointHealth][] = [
    ["unknown", initialHealth(0)],
    ["healthy", healthyAt0],
    ["busy", check(healthyAt0, slow, 5_000)],
    ["offline", check(healthyAt0, refused, 5_000)],
    ["unhealthy", check(healthyAt0, (at) => answered(500, at), 5_000)],
    ["config_error", check(healthyAt0, (at) => answered(401, at), 5_000)],
    ["rate_limited", check(healthyAt0, (at) => answered(429, at, "5"), 5_000)],
  ];
  const results: readonly [EndpointStatus, (startedAt: number) => ProbeResult][] = [
    ["healthy", (at) => answered(200, at)],
    ["busy", slow],
    ["offline", refused],
    ["unhealthy", (at) => answered(404, at)],
    ["config_error", (at) => answered(403, at)],
    ["rate_limited", (at) => answered(429, at)],
  ];
  const arrows = starts.flatMap(([from, health]) =>
    results.map(([to, result]) => [from, to, health, result] as const),
  );

  test.each(arrows)("%s to %s", (from, to, health, result) => {
    expect(health.status).toBe(from);
    const next = check(health, result, 60_000);
    expect(next.status).toBe(to);
    const isFine = to === "healthy" || to === "busy";
    expect(next.consecutiveFailures).toBe(isFine ? 0 : health.consecutiveFailures + 1);
  });
});

describe("the probe breaker", () => {
  const opened = [5_000, 10_000, 20_000].reduce((health, now) => check(health, refused, now), healthyAt0);

  test("opens at the third failure and puts the next check behind its end", () => {
    expect(opened.probeBreaker.phase).toBe("open");
    expect(opened.nextCheckAt).toBe(50_001);
  });

  test("suppresses a check without a failure or a back-off step", () => {
    const permit = beginCheck(opened, settings, 30_000);
    expect(permit.mayCheck).toBe(false);
    expect(permit.health).toMatchObject({
      status: "offline",
      consecutiveFailures: 3,
      backoffMultiplier: 8,
      nextCheckAt: 50_001,
    });
  });

  test("closes when its trial succeeds", () => {
    const well = check(opened, (at) => answered(200, at), 50_001);
    expect(well).toMatchObject({ status: "healthy", probeBreaker: { phase: "closed", failures: 0 } });
  });

  test("is opened by 500s, but never by 401 or 429", () => {
    const after = (httpStatus: number) =>
      [100_000, 200_000, 300_000].reduce(
        (health, now) => check(health, (at) => answered(httpStatus, at), now),
        healthyAt0,
      ).probeBreaker.phase;
    expect(after(500)).toBe("open");
    expect(after(404)).toBe("open");
    expect(after(401)).toBe("closed");
    expect(after(429)).toBe("closed");
  });

  test("is free for the next check when a trial ends with 429", () => {
    const limited = check(opened, (at) => answered(429, at, "1"), 50_001);
    expect(limited.status).toBe("rate_limited");
    expect(beginCheck(limited, settings, limited.nextCheckAt).mayCheck).toBe(true);
  });
});

describe("a rate limit", () => {
  const limited = check(healthyAt0, (at) => answered(429, at, "90"), 5_000);

  test("moves the next check to its end and holds back checks before", () => {
    expect(limited).toMatchObject({ rateLimitedUntil: 95_000, nextCheckAt: 95_000, consecutiveFailures: 1 });
    const permit = beginCheck(limited, settings, 94_999);
    expect(permit.mayCheck).toBe(false);
    expect(permit.health.status).toBe("rate_limited");
    expect(beginCheck(limited, settings, 95_000).mayCheck).toBe(true);
  });

  test("is forgotten with the next other result", () => {
    const later = check(limited, (at) => answered(500, at), 95_000);
    expect(later.rateLimitedUntil).toBeUndefined();
  });
});

describe("a passive failure", () => {
  test("makes a healthy endpoint offline at once and advances the shared back-off", () => {
    const health = afterPassiveFailure(healthyAt0, settings, moment(1_000), 990);
    expect(health).toMatchObject({
      status: "offline",
      consecutiveFailures: 1,
      backoffMultiplier: 2,
      nextCheckAt: 6_000,
      lastCheckedAt: wallEpoch + 1_000,
      demotedAt: 1_000,
    });
    const probed = check(health, refused, 6_000);
    expect(probed).toMatchObject({ consecutiveFailures: 2, backoffMultiplier: 4, nextCheckAt: 16_000 });
  });

  test("counts once per interval, however many requests fail", () => {
    const first = afterPassiveFailure(healthyAt0, settings, moment(1_000), 990);
    expect(afterPassiveFailure(first, settings, moment(5_999), 5_000)).toBe(first);
    const later = afterPassiveFailure(first, settings, moment(6_000), 5_000);
    expect(later).toMatchObject({ consecutiveFailures: 2, backoffMultiplier: 4, nextCheckAt: 16_000 });
  });

  test("does not count right after a failed check", () => {
    const offline = check(healthyAt0, refused, 5_000);
    expect(afterPassiveFailure(offline, settings, moment(5_100), 5_050)).toBe(offline);
  });

  test("within the interval still takes a recovered endpoint out, without a further step", () => {
    const demoted = afterPassiveFailure(healthyAt0, settings, moment(1_000), 990);
    const recovered = check(demoted, (at) => answered(200, at), 2_000);
    const again = afterPassiveFailure(recovered, settings, moment(3_000), 2_500);
    expect(again).toMatchObject({ status: "offline", consecutiveFailures: 0, nextCheckAt: 7_000 });
  });

  test("of an attempt that began before the last good check changes nothing", () => {
    const checked = check(healthyAt0, (at) => answered(200, at), 5_000);
    expect(afterPassiveFailure(checked, settings, moment(5_100), 4_000)).toBe(checked);
  });

  test("is not undone by a check that began before it", () => {
    const permit = beginCheck(healthyAt0, settings, 5_000);
    const demoted = afterPassiveFailure(permit.health, settings, moment(5_010), 5_005);
    const late = afterProbe(demoted, answered(200, 5_000), settings, {
      moment: moment(5_020),
      token: undefined,
    });
    expect(late).toMatchObject({ status: "offline", nextCheckAt: demoted.nextCheckAt });
    const fresh = check(late, (at) => answered(200, at), late.nextCheckAt);
    expect(fresh.status).toBe("healthy");
  });
});

test("failures to connect are counted in a row, apart from other failures", () => {
  const once = check(healthyAt0, refused, 5_000);
  expect(once.connectFailures).toBe(1);
  expect(check(once, refused, 10_000).connectFailures).toBe(2);
  expect(check(once, (at) => answered(500, at), 10_000).connectFailures).toBe(0);
});

test("an endpoint never checked is unknown and due at once", () => {
  expect(initialHealth(7)).toMatchObject({ status: "unknown", nextCheckAt: 7, lastCheckedAt: undefined });
});
