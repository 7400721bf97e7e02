import type { ConnectionCounts } from "../balancer/connections.ts";
import type { RecentFailures } from "../balancer/failure-share.ts";
import { isRoutable } from "../endpoints/endpoint-status.ts";
import { OllaError } from "../errors.ts";
import { Admission } from "../proxy/admission.ts";
import { BreakerSet } from "../proxy/breakers.ts";
import type { Cooldowns } from "../proxy/cooldown.ts";
import type { Engine } from "../proxy/engine.ts";
import type { PendingAttempts } from "../proxy/pending-attempts.ts";
import type { Fleet } from "./fleet.ts";
import type { AppOptions } from "./options.ts";
import type { RequestPathOptions } from "./stages.ts";

export function createBreakers(
  { config, clock, logger, stats }: RequestPathOptions,
  engine: Engine,
): BreakerSet | undefined {
  const { enabled, failure_threshold, open_duration, failure_rate, window } = config.proxy.circuit_breaker;
  if (!engine.hasBreaker || !enabled) return undefined;
  const { response_header_timeout: firstByteMs } = config.proxy;
  return new BreakerSet({
    clock,
    settings: {
      failureThreshold: failure_threshold,
      openMs: open_duration,
      failureRate: failure_rate,
      windowMs: window,
      // A trial whose prompt takes long to read is not lost.
      trialLossMs: (firstByteMs === 0 ? 24 * 3_600_000 : firstByteMs) + open_duration,
    },
    onTransition: ({ endpoint, model, from, to, failures }) => {
      stats.noteTransition({ endpoint, to });
      // Nothing in the pool of an endpoint that keeps failing is worth keeping.
      if (to === "open" && model === undefined) engine.transport.forget(endpoint);
      const subject = model === undefined ? endpoint : `${endpoint} (${model})`;
      const log = to === "open" ? logger.warn : logger.info;
      log.call(logger, `Circuit breaker of ${subject} is ${to}`, { endpoint, model, from, to, failures });
    },
  });
}

export function readLimits({ config }: AppOptions): (endpointName: string) => number {
  const endpoints = config.discovery.static.endpoints ?? [];
  const limits = new Map(endpoints.map(({ name, max_concurrent }) => [name, max_concurrent]));
  const isUnlimited = [...limits.values()].every((limit) => limit <= 0);
  return isUnlimited ? () => 0 : (name) => limits.get(name) ?? 0;
}

export function createAdmission(
  { config, clock }: AppOptions,
  connections: ConnectionCounts,
  limitOf: (endpointName: string) => number,
): Admission {
  return new Admission({
    limitOf,
    queueMax: config.proxy.queue.max,
    queueTimeoutMs: config.proxy.queue.timeout,
    clock,
    connections,
  });
}

/** A plain 500 may be a client's doing. It counts only if the endpoint, asked now, is not well either. */
export async function askAfterSuspicion(
  name: string,
  { checker, registry }: Fleet,
  breakers: BreakerSet | undefined,
): Promise<void> {
  await checker.checkNow(name);
  const state = registry.byName(name);
  if (state !== undefined) breakers?.settleSuspicion(name, !isRoutable(state.health.status));
}

/** A machine that lost power looks like one that thinks; its probes tell. */
export function abortWhenLost({ logger }: AppOptions, { registry }: Fleet, pending: PendingAttempts): void {
  registry.onEndpointLost(({ name }) => {
    const error = new OllaError(
      "unreachable",
      `Endpoint "${name}" is gone: its probes cannot connect any more`,
    );
    const aborted = pending.abortAll(name, error);
    if (aborted > 0)
      logger.warn(`Endpoint ${name} is gone; its waiting requests go elsewhere`, { endpoint: name, aborted });
  });
}

interface PerEndpointState {
  readonly engine: Engine;
  readonly admission: Admission;
  readonly breakers: BreakerSet | undefined;
  readonly cooldowns: Cooldowns;
  readonly recentFailures: RecentFailures;
}

export function forgetReplaced({ registry }: Fleet, state: PerEndpointState): void {
  let known = new Set<string>();
  const names = () => new Set(registry.snapshot().map(({ endpoint }) => endpoint.name));
  const waitedFor = () => [...names()].filter((name) => !registry.isDraining(name));
  known = names();
  registry.onDrainingChange(() => state.admission.retainEndpoints(waitedFor()));
  registry.onEndpointsReplaced(() => {
    const now = names();
    for (const name of known) if (!now.has(name)) state.engine.transport.forget(name);
    known = now;
    state.admission.retainEndpoints(waitedFor());
    state.breakers?.retainEndpoints(now);
    state.cooldowns.retainEndpoints(now);
    state.recentFailures.retainEndpoints(now);
  });
}
