import {
  admit,
  type BreakerSettings,
  type BreakerState,
  closedBreaker,
  openUntil,
  settle,
} from "./circuit-breaker.ts";
import type { Endpoint } from "./endpoint.ts";
import type { EndpointStatus } from "./endpoint-status.ts";
import { isConnectFailure, type ProbeResult } from "./probe-result.ts";

/** What is known of one endpoint's health. Immutable; times are monotonic milliseconds unless said otherwise. */
export interface EndpointHealth {
  readonly status: EndpointStatus;
  readonly consecutiveFailures: number;
  /** 1 when all is well; see `advanceBackoff`. */
  readonly backoffMultiplier: number;
  /** Start of the last check, or the moment of the last passive failure. `undefined` before the first. */
  readonly checkedAt: number | undefined;
  /** The same moment in milliseconds since the epoch, for people. */
  readonly lastCheckedAt: number | undefined;
  /** Of the last check that was carried out. */
  readonly lastLatencyMs: number | undefined;
  readonly nextCheckAt: number;
  readonly rateLimitedUntil: number | undefined;
  /** Start of the last check that found the endpoint usable. */
  readonly succeededAt: number | undefined;
  /** When traffic last made the endpoint offline and advanced the back-off. */
  readonly demotedAt: number | undefined;
  /** When a check or traffic last advanced the back-off. */
  readonly backedOffAt: number | undefined;
  /** Checks in a row that could not even connect. */
  readonly connectFailures: number;
  readonly probeBreaker: BreakerState;
}

/** The two clocks at one moment. */
export interface Moment {
  readonly now: number;
  readonly wallTime: number;
}

type CheckSettings = Pick<Endpoint, "checkIntervalMs" | "checkTimeoutMs">;

const longestBackoffMs = 60_000;
const largestMultiplier = 12;
const probeFailureThreshold = 3;
const probeOpenMs = 30_000;

/** Failed checks without a connection after which the host is taken to be gone. */
export const lostAfterConnectFailures = 2;

export function initialHealth(now: number): EndpointHealth {
  return {
    status: "unknown",
    consecutiveFailures: 0,
    backoffMultiplier: 1,
    checkedAt: undefined,
    lastCheckedAt: undefined,
    lastLatencyMs: undefined,
    nextCheckAt: now,
    rateLimitedUntil: undefined,
    succeededAt: undefined,
    demotedAt: undefined,
    backedOffAt: undefined,
    connectFailures: 0,
    probeBreaker: closedBreaker,
  };
}

export type CheckPermit =
  | { readonly mayCheck: true; readonly token: number | undefined; readonly health: EndpointHealth }
  /** Nothing is sent; `health` has the time of the next check. */
  | { readonly mayCheck: false; readonly health: EndpointHealth };

/**
 * Asked before a check. While the breaker is open or the endpoint wants to be left alone nothing is sent, and neither
 * failures nor back-off change. What an operator wants is sent in any case, and both begin anew.
 */
export function beginCheck(
  current: EndpointHealth,
  settings: CheckSettings,
  now: number,
  isForced = false,
): CheckPermit {
  const health = isForced
    ? { ...current, rateLimitedUntil: undefined, probeBreaker: closedBreaker }
    : current;
  if (health.rateLimitedUntil !== undefined && now < health.rateLimitedUntil) {
    return { mayCheck: false, health: { ...health, nextCheckAt: health.rateLimitedUntil } };
  }
  const admission = admit(health.probeBreaker, now, breakerSettings(settings));
  if (admission.isAdmitted) {
    const isSame = admission.state === health.probeBreaker;
    return {
      mayCheck: true,
      token: admission.token,
      health: isSame ? health : { ...health, probeBreaker: admission.state },
    };
  }
  return {
    mayCheck: false,
    health: { ...health, status: "offline", nextCheckAt: justAfter(admission.retryAt) },
  };
}

/** Takes in a check's result; `token` is what `beginCheck` gave, `moment` is the end of the check. */
export function afterProbe(
  health: EndpointHealth,
  result: ProbeResult,
  settings: CheckSettings,
  context: { readonly moment: Moment; readonly token: number | undefined },
): EndpointHealth {
  const { moment, token } = context;
  const breaker = breakerSettings(settings);
  const breakerContext = { now: moment.now, settings: breaker };
  if (health.demotedAt !== undefined && result.startedAt < health.demotedAt) {
    // Traffic found out something newer meanwhile; only the breaker's trial must not stay taken.
    return { ...health, probeBreaker: settle(health.probeBreaker, "neutral", token, breakerContext) };
  }
  const probeBreaker = settle(health.probeBreaker, result.breakerEvent, token, breakerContext);
  const isSuccess = result.status === "healthy" || result.status === "busy";
  const step = isSuccess
    ? { waitMs: settings.checkIntervalMs, multiplier: 1 }
    : advanceBackoff(health.backoffMultiplier, settings.checkIntervalMs);
  const rateLimitedUntil =
    result.status === "rate_limited" && result.retryAfterMs !== undefined
      ? moment.now + result.retryAfterMs
      : undefined;
  return {
    status: result.status,
    consecutiveFailures: isSuccess ? 0 : health.consecutiveFailures + 1,
    backoffMultiplier: step.multiplier,
    checkedAt: result.startedAt,
    lastCheckedAt: moment.wallTime - (moment.now - result.startedAt),
    lastLatencyMs: result.latencyMs,
    nextCheckAt: Math.max(
      result.startedAt + step.waitMs,
      rateLimitedUntil ?? 0,
      justAfter(openUntil(probeBreaker, breaker) ?? 0),
    ),
    rateLimitedUntil,
    succeededAt: isSuccess ? result.startedAt : health.succeededAt,
    demotedAt: health.demotedAt,
    backedOffAt: isSuccess ? health.backedOffAt : result.startedAt,
    connectFailures: isConnectFailure(result) ? health.connectFailures + 1 : 0,
    probeBreaker,
  };
}

/**
 * A request could not be sent there. One such failure makes the endpoint offline; the back-off advances at most once
 * per check interval, however many requests fail. An attempt that began before the last good check is older news.
 */
export function afterPassiveFailure(
  health: EndpointHealth,
  settings: CheckSettings,
  moment: Moment,
  attemptStartedAt: number,
): EndpointHealth {
  if (health.succeededAt !== undefined && attemptStartedAt < health.succeededAt) return health;
  const isStepDue =
    health.backedOffAt === undefined || moment.now - health.backedOffAt >= settings.checkIntervalMs;
  if (!isStepDue) {
    return health.status === "offline" ? health : { ...health, status: "offline" };
  }
  const step = advanceBackoff(health.backoffMultiplier, settings.checkIntervalMs);
  return {
    ...health,
    status: "offline",
    consecutiveFailures: health.consecutiveFailures + 1,
    backoffMultiplier: step.multiplier,
    checkedAt: moment.now,
    lastCheckedAt: moment.wallTime,
    nextCheckAt: Math.max(moment.now + step.waitMs, health.rateLimitedUntil ?? 0),
    demotedAt: moment.now,
    backedOffAt: moment.now,
  };
}

/** The wait after a failure, and the multiplier for the next one. The first failure waits one plain interval. */
export function advanceBackoff(
  multiplier: number,
  checkIntervalMs: number,
): { readonly waitMs: number; readonly multiplier: number } {
  if (multiplier <= 1) return { waitMs: checkIntervalMs, multiplier: 2 };
  return {
    waitMs: Math.min(checkIntervalMs * multiplier, longestBackoffMs),
    multiplier: Math.min(multiplier * 2, largestMultiplier),
  };
}

function breakerSettings(settings: CheckSettings): BreakerSettings {
  const timeoutMs = settings.checkTimeoutMs > 0 ? settings.checkTimeoutMs : 2_000;
  return {
    failureThreshold: probeFailureThreshold,
    openMs: probeOpenMs,
    trialLossMs: 2 * timeoutMs + 1_000,
  };
}

/** The breaker admits strictly later than its end. */
function justAfter(time: number): number {
  return time === 0 ? 0 : time + 1;
}
