import { ConnectionCounts } from "../balancer/connections.ts";
import { RecentFailures } from "../balancer/failure-share.ts";
import { StickySessions } from "../balancer/sticky.ts";
import type { Config } from "../config/schema.ts";
import { isRoutable, takesRequests } from "../endpoints/endpoint-status.ts";
import { OllaError } from "../errors.ts";
import type { Logger } from "../lib/log.ts";
import { DailyTokens } from "../observe/daily-tokens.ts";
import { EventLoopDelay } from "../observe/event-loop-delay.ts";
import { LiveRequests } from "../observe/live-requests.ts";
import { OutcomeKinds } from "../observe/outcome-kinds.ts";
import { createRecorder, type Recorder } from "../observe/recorder.ts";
import type { Stats } from "../observe/stats.ts";
import type { Tracing } from "../observe/tracing/tracing.ts";
import { BodyBudget } from "../pipeline/body-budget.ts";
import { NativeSupport } from "../pipeline/native-support.ts";
import { Admission } from "../proxy/admission.ts";
import { BreakerSet } from "../proxy/breakers.ts";
import { Cooldowns } from "../proxy/cooldown.ts";
import type { Engine, EngineName } from "../proxy/engine.ts";
import { createOllaEngine } from "../proxy/olla.ts";
import { PendingAttempts } from "../proxy/pending-attempts.ts";
import { createSherpaEngine } from "../proxy/sherpa.ts";
import type { QueueView } from "../server/dependencies.ts";
import type { ClientGuard } from "../server/guard/client-guard.ts";
import { ResponseStore } from "../translate/responses/response-store.ts";
import { storedResponseLimits } from "./client-apis.ts";
import { createGuard } from "./client-guard.ts";
import { createFeedRecords } from "./dashboard.ts";
import { createFleet, type Fleet } from "./fleet.ts";
import { Conversations } from "./inspector.ts";
import type { AppOptions, InForce } from "./options.ts";
import { createRequestRecords, type RequestRecords } from "./request-records.ts";
import { createStats } from "./stats.ts";

/**
 * What outlives a reload: all that is known of endpoints and clients, and all that counts what is under way. Their settings
 * they read out of `inForce` at each use, or are told by `apply`.
 */
export interface KeptParts {
  /** Stands in `Via`, so that a request that comes back is known. */
  readonly instanceId: string;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  readonly fleet: Fleet;
  readonly stats: Stats;
  readonly recorder: Recorder;
  readonly records: RequestRecords;
  readonly conversations: Conversations;
  readonly feedRecords: ReturnType<typeof createFeedRecords>;
  readonly eventLoop: EventLoopDelay;
  readonly live: LiveRequests;
  readonly connections: ConnectionCounts;
  readonly recentFailures: RecentFailures;
  readonly pending: PendingAttempts;
  readonly admission: Admission;
  /** What the status routes read of the lines that requests wait in. */
  readonly queues: QueueView;
  readonly cooldowns: Cooldowns;
  readonly bodyBudget: BodyBudget;
  readonly dailyTokens: DailyTokens;
  readonly nativeSupport: NativeSupport;
  readonly responses: ResponseStore;
  readonly breakers: BreakerSet;
  readonly sticky: StickySessions;
  /** These are other ones where another one is configured. */
  readonly engine: Engine;
  readonly guard: ClientGuard | undefined;
  readonly tracing: Tracing | undefined;
  /** Called with the settings already in force. */
  apply(options: AppOptions): void;
  stop(): Promise<void>;
}

/** Longest time that an endpoint's `Retry-After` is believed. */
const longestCooldownMs = 10 * 60_000;

export function createKeptParts(options: AppOptions, inForce: InForce): KeptParts {
  const { clock, logger } = options;
  const proxy = () => inForce.settings.config.proxy;
  const fleet = createFleet(options, options);
  const stats = createStats(options, fleet);
  const connections = new ConnectionCounts();
  const limits = new EndpointLimits(options.config);

  let engine = createEngine(options.config.proxy.engine);
  let guard = createGuard(options, undefined);
  const kinds = new OutcomeKinds();
  let tracing = startTracing(options, fleet, kinds);

  const records = createRequestRecords(options, kinds);
  const feedRecords = createFeedRecords(clock);
  const recorder = createRecorder({
    stats,
    logger,
    get isAccessLogEnabled() {
      return inForce.settings.config.server.request_logging;
    },
    sinks: [records.sink, feedRecords.sink, (outcome) => tracing?.record(outcome)],
  });
  const breakers = new BreakerSet({
    clock,
    settings: breakerSettings(proxy),
    onTransition: ({ endpoint, model, from, to, failures }) => {
      stats.noteTransition({ endpoint, to });
      // No connection to an endpoint that keeps failing is worth keeping.
      const origin = fleet.registry.byName(endpoint)?.endpoint.origin;
      if (to === "open" && model === undefined && origin !== undefined) engine.transport.forget(origin);
      const subject = model === undefined ? endpoint : `${endpoint} (${model})`;
      const log = to === "open" ? logger.warn : logger.info;
      log.call(logger, `Circuit breaker of ${subject} is ${to}`, { endpoint, model, from, to, failures });
    },
  });
  const admission = new Admission({
    limitOf: (name) => limits.concurrentOf(name),
    lowestLimit: () => limits.lowestConcurrent,
    get queueMax() {
      return proxy().queue.max;
    },
    get queueTimeoutMs() {
      return proxy().queue.timeout;
    },
    clock,
    connections,
  });
  const kept = {
    instanceId: crypto.randomUUID().slice(0, 13),
    startedAt: clock.wallTime(),
    fleet,
    stats,
    recorder,
    records,
    conversations: new Conversations(options),
    feedRecords,
    eventLoop: new EventLoopDelay(clock),
    live: new LiveRequests(),
    connections,
    recentFailures: new RecentFailures({ clock }),
    pending: new PendingAttempts(),
    admission,
    queues: {
      limitOf: (name: string) => limits.concurrentOf(name),
      queueDepth: (name: string) => admission.queueDepth(name),
      waiting: () => admission.waiting(),
      waitTotals: () => admission.waitTotals(),
    },
    cooldowns: new Cooldowns({ clock, maxMs: longestCooldownMs }),
    bodyBudget: new BodyBudget(options.config.proxy.max_buffered_bytes),
    dailyTokens: new DailyTokens({
      get limits() {
        return limits.dailyTokens;
      },
      clock,
      onSpent: (endpoint, limit) =>
        logger.warn(`Endpoint ${endpoint} has used up its tokens for today and rests until midnight`, {
          endpoint,
          daily_tokens: limit,
        }),
    }),
    nativeSupport: new NativeSupport({ clock }),
    responses: new ResponseStore(storedResponseLimits),
    breakers,
    sticky: new StickySessions(stickySettings(options.config), clock),
  };
  followRegistry(kept, logger, () => engine);
  return {
    ...kept,
    get engine() {
      return engine;
    },
    get guard() {
      return guard;
    },
    get tracing() {
      return tracing;
    },
    apply(next) {
      const { config } = next;
      const { circuit_breaker: breaker, sticky_sessions: sessions } = config.proxy;
      limits.read(config);
      kept.bodyBudget.limitTo(config.proxy.max_buffered_bytes);
      kept.sticky.configure(stickySettings(config));
      // What is switched off does not remember: when it is switched on again, it begins anew.
      if (!sessions.enabled) kept.sticky.purgeEndpoints(() => false);
      if (!breaker.enabled) kept.breakers.retainEndpoints([]);
      guard = createGuard(next, guard);
      if (config.proxy.engine !== engine.name) {
        // Running answers go on over the connections that they have.
        engine.transport.close();
        engine = createEngine(config.proxy.engine);
      }
      const before = tracing;
      tracing = startTracing(next, fleet, kinds);
      void before?.stop();
      kept.admission.retainEndpoints(waitedFor(fleet));
    },
    async stop() {
      kept.eventLoop.stop();
      await kept.conversations.flush();
      await fleet.stop();
      engine.transport.close();
      await Promise.all([records.stop(), tracing?.stop()]);
    },
  };
}

function createEngine(name: EngineName): Engine {
  return name === "olla" ? createOllaEngine() : createSherpaEngine();
}

function startTracing(
  { startTracing: start }: AppOptions,
  { registry }: Fleet,
  kinds: OutcomeKinds,
): Tracing | undefined {
  return start?.((name) => registry.byName(name)?.endpoint, kinds);
}

function stickySettings({ proxy }: Config) {
  const { max_sessions, idle_ttl_seconds } = proxy.sticky_sessions;
  return { maxSessions: max_sessions, idleTtlSeconds: idle_ttl_seconds };
}

/** Read at each use, so that a breaker that is open stays open when its settings change. */
function breakerSettings(proxy: () => Config["proxy"]) {
  const breaker = () => proxy().circuit_breaker;
  return {
    get failureThreshold() {
      return breaker().failure_threshold;
    },
    get openMs() {
      return breaker().open_duration;
    },
    get failureRate() {
      return breaker().failure_rate;
    },
    get windowMs() {
      return breaker().window;
    },
    /** A trial whose prompt takes long to read is not lost. */
    get trialLossMs() {
      const { response_header_timeout: firstByteMs } = proxy();
      return (firstByteMs === 0 ? 24 * 3_600_000 : firstByteMs) + breaker().open_duration;
    },
  };
}

/** What the endpoints' own entries limit, by endpoint name; 0 is no limit. */
class EndpointLimits {
  dailyTokens: ReadonlyMap<string, number> = new Map();
  /** Infinity when there is none. */
  lowestConcurrent = Number.POSITIVE_INFINITY;
  #concurrent: ReadonlyMap<string, number> = new Map();

  constructor(config: Config) {
    this.read(config);
  }

  read({ discovery }: Config): void {
    const endpoints = discovery.static.endpoints ?? [];
    const above0 = (limits: readonly (readonly [string, number])[]) =>
      new Map(limits.filter(([, limit]) => limit > 0));
    this.#concurrent = above0(endpoints.map(({ name, max_concurrent }) => [name, max_concurrent]));
    this.lowestConcurrent = Math.min(...this.#concurrent.values());
    this.dailyTokens = above0(endpoints.map(({ name, daily_tokens }) => [name, daily_tokens]));
  }

  concurrentOf(name: string): number {
    return this.#concurrent.size === 0 ? 0 : (this.#concurrent.get(name) ?? 0);
  }
}

/** A machine that lost power looks like one that thinks; its probes tell. */
function abortWaiting(name: string, { pending }: Pick<KeptParts, "pending">, logger: Logger): void {
  const error = new OllaError(
    "unreachable",
    `Endpoint "${name}" is gone: its probes cannot connect any more`,
  );
  const aborted = pending.abortAll(name, error);
  if (aborted === 0) return;
  logger.warn(`Endpoint ${name} is gone; its waiting requests go elsewhere`, { endpoint: name, aborted });
}

type Followers = Pick<
  KeptParts,
  "fleet" | "pending" | "admission" | "breakers" | "cooldowns" | "recentFailures" | "sticky" | "nativeSupport"
>;

function waitedFor({ registry }: Fleet): Set<string> {
  const names = registry.snapshot().map(({ endpoint }) => endpoint.name);
  return new Set(names.filter((name) => !registry.draining.has(name)));
}

/** Whatever is kept by an endpoint's name goes with the endpoint. */
function followRegistry(kept: Followers, logger: Logger, engine: () => Engine): void {
  const { registry } = kept.fleet;
  const namesNow = () => new Set(registry.snapshot().map(({ endpoint }) => endpoint.name));
  const originsNow = () => new Set(registry.snapshot().map(({ endpoint }) => endpoint.origin));
  let origins = originsNow();
  const purgeSticky = () =>
    kept.sticky.purgeEndpoints((name) => {
      const state = registry.byName(name);
      return state !== undefined && takesRequests(state);
    });
  registry.onEndpointLost(({ name }) => abortWaiting(name, kept, logger));
  registry.onStatusChange(({ endpoint, to }) => {
    if (isRoutable(to)) return;
    purgeSticky();
    // It may come back as a newer version.
    kept.nativeSupport.forget(endpoint.name);
  });
  registry.onDrainingChange(() => {
    kept.admission.retainEndpoints(waitedFor(kept.fleet));
    purgeSticky();
  });
  registry.onEndpointsReplaced(() => {
    const now = namesNow();
    const before = origins;
    origins = originsNow();
    for (const origin of before.difference(origins)) engine().transport.forget(origin);
    kept.admission.retainEndpoints(waitedFor(kept.fleet));
    kept.breakers.retainEndpoints(now);
    kept.cooldowns.retainEndpoints(now);
    kept.recentFailures.retainEndpoints(now);
    // The same name may stand for another server now.
    kept.nativeSupport.forgetAll();
    purgeSticky();
  });
}
