import type { BreakerStatus } from "../../proxy/breaker.ts";
import type { ServerDependencies } from "../dependencies.ts";
import { formatSpan, formatTime } from "../format-text.ts";

export type TrafficSources = Pick<ServerDependencies, "clock" | "breakers" | "queues" | "cooldowns">;

/**
 * What keeps requests from an endpoint right now, for its entry in a status body: its breakers, those who wait for it,
 * and until when it asked to be left alone. What does not apply is left out.
 */
export function trafficMembersOf(sources: TrafficSources): (endpointName: string) => object {
  const cooling = Map.groupBy(sources.cooldowns?.active() ?? [], ({ endpointName }) => endpointName);
  const timeIn = (remainingMs: number) => {
    // Whole seconds, so that the same moment reads the same at every look.
    const seconds = Math.ceil((sources.clock.wallTime() + remainingMs) / 1000);
    return formatTime(seconds * 1000);
  };
  return (name) => {
    const cooldowns = cooling.get(name) ?? [];
    const whole = cooldowns.find(({ model }) => model === undefined);
    const models = cooldowns.filter(({ model }) => model !== undefined);
    return {
      ...breakerMember(name, sources),
      ...queueMember(name, sources),
      ...(whole === undefined ? {} : { cooldown_until: timeIn(whole.remainingMs) }),
      ...(models.length === 0
        ? {}
        : {
            cooldown_models: models.map(({ model, remainingMs }) => ({ model, until: timeIn(remainingMs) })),
          }),
    };
  };
}

function breakerMember(name: string, { breakers, clock }: TrafficSources): object {
  if (breakers === undefined) return {};
  const now = clock.now();
  const breaker = breakers.stateOf(name);
  const models = breaker.models.map(({ model, ...status }) => ({ model, ...renderBreaker(status, now) }));
  return {
    circuit_breaker: { ...renderBreaker(breaker, now), ...(models.length === 0 ? {} : { models }) },
  };
}

function renderBreaker({ state, retryAt }: BreakerStatus, now: number): object {
  if (retryAt === undefined) return { state };
  const seconds = Math.max(0, Math.ceil((retryAt - now) / 1000));
  return { state, retry_in: formatSpan(seconds * 1000) };
}

function queueMember(name: string, { queues }: TrafficSources): object {
  const limit = queues?.limitOf(name) ?? 0;
  if (queues === undefined || limit <= 0) return {};
  return { queue: { depth: queues.queueDepth(name), limit } };
}

/** What became of all who had to wait, for the system's part of the status. */
export function systemQueueMember({ queues }: TrafficSources): object {
  if (queues === undefined) return {};
  const { admitted, timedOut, refused, abandoned, longestMs } = queues.waitTotals();
  return {
    queue: {
      waiting: queues.waiting(),
      admitted,
      timed_out: timedOut,
      refused,
      abandoned,
      longest_wait_ms: Math.round(longestMs),
    },
  };
}
