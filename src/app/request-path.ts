import { createBalancer } from "../balancer/balancer-by-name.ts";
import { ConnectionCounts } from "../balancer/connections.ts";
import { createGuardedBalancer, RecentFailures } from "../balancer/failure-share.ts";
import { StickySessions } from "../balancer/sticky.ts";
import { createShareBalancer } from "../balancer/traffic-share.ts";
import { isRoutable, takesRequests } from "../endpoints/endpoint-status.ts";
import { LiveRequests } from "../observe/live-requests.ts";
import type { Outcome } from "../observe/outcome.ts";
import { createFailoverPolicy } from "../pipeline/failover-policy.ts";
import { createPipeline, type Pipeline } from "../pipeline/pipeline.ts";
import { type AttemptContext, sendAttempt } from "../proxy/attempt.ts";
import type { BreakerSet } from "../proxy/breakers.ts";
import { createConnectWatch } from "../proxy/connect-watch.ts";
import { Cooldowns } from "../proxy/cooldown.ts";
import { writeLimitBytes } from "../proxy/delivery.ts";
import type { Engine } from "../proxy/engine.ts";
import { createOllaEngine } from "../proxy/olla.ts";
import { PendingAttempts } from "../proxy/pending-attempts.ts";
import { createSherpaEngine } from "../proxy/sherpa.ts";
import { Traffic } from "../proxy/traffic.ts";
import type { QueueView } from "../server/dependencies.ts";
import { ResponseStore } from "../translate/responses/response-store.ts";
import { storedResponseLimits } from "./client-apis.ts";
import type { Fleet } from "./fleet.ts";
import { createInspector, type Inspector } from "./inspector.ts";
import { withKeyModels } from "./key-models.ts";
import type { AppOptions } from "./options.ts";
import { withPins } from "./pinning.ts";
import { type RequestPathOptions, stagesOf } from "./stages.ts";
import { withStoredResponses } from "./stored-responses.ts";
import { createTiers } from "./tiers.ts";
import { withTokenCounting } from "./token-counting.ts";
import {
  abortWhenLost,
  askAfterSuspicion,
  createAdmission,
  createBreakers,
  forgetReplaced,
  readLimits,
} from "./traffic-parts.ts";
import { noteSends, preferWaitingForWarm, preferWarm } from "./warmth.ts";

/** The pipeline with everything that decides about a request, and what the status routes read of it. */
export interface RequestPath {
  readonly pipeline: Pipeline;
  readonly engine: Engine;
  readonly connections: ConnectionCounts;
  /** What the status routes read of `admission`. */
  readonly queues: QueueView;
  readonly cooldowns: Cooldowns;
  readonly breakers: BreakerSet | undefined;
  readonly sticky: StickySessions | undefined;
  readonly inspector: Inspector | undefined;
  readonly live: LiveRequests;
  /** Of the balancer, as shown to operators. */
  readonly balancerName: string;
}

/** Longest time that an endpoint's `Retry-After` is believed. */
const longestCooldownMs = 10 * 60_000;

export function createRequestPath(
  options: RequestPathOptions,
  fleet: Fleet,
  record: (outcome: Outcome) => void,
): RequestPath {
  const { config, clock } = options;
  const engine = config.proxy.engine === "olla" ? createOllaEngine() : createSherpaEngine();
  const connections = new ConnectionCounts();
  const recentFailures = new RecentFailures({ clock });
  const pending = new PendingAttempts();
  const breakers = createBreakers(options, engine);
  const limitOf = readLimits(options);
  const admission = createAdmission(options, connections, limitOf);
  const queues = {
    limitOf,
    queueDepth: (name: string) => admission.queueDepth(name),
    waiting: () => admission.waiting(),
    waitTotals: () => admission.waitTotals(),
  };
  const cooldowns = new Cooldowns({ clock, maxMs: longestCooldownMs });
  const chosen = createBalancer(config.proxy.load_balancer, { connections, random: Math.random });
  const tiers = createTiers(options, fleet);
  const recordCounted = (outcome: Outcome) => {
    tiers.note(outcome);
    record(outcome);
  };
  const traffic = new Traffic({
    clock,
    isDraining: (name) => fleet.registry.isDraining(name),
    admission,
    cooldowns,
    recentFailures,
    breakers,
    worthWaiting: preferWaitingForWarm(chosen, fleet.warmth, connections),
    overflowAfterMs: config.proxy.overflow.after,
    onSuspicion: (name) => void askAfterSuspicion(name, fleet, breakers),
  });
  const sticky = createSticky(options, fleet);
  const guarded = createGuardedBalancer(preferWarm(chosen, fleet.warmth, connections), recentFailures);
  const balancer = createShareBalancer(guarded, Math.random);
  abortWhenLost(options, fleet, pending);
  forgetReplaced(fleet, { engine, admission, breakers, cooldowns, recentFailures });

  const send = createSend(options, fleet, engine, pending);
  const responses = new ResponseStore(storedResponseLimits);
  const stages = withKeyModels(
    withPins(stagesOf(options, fleet, { sessions: sticky, responses, tiers }), tiers),
  );
  const inspector = createInspector(options, stages.findApi);
  const live = new LiveRequests();
  const sending = createPipeline({
    ...settingsOf(options, engine),
    live,
    ...stages,
    readBody: inspector?.seeRequests(stages.readBody) ?? stages.readBody,
    balancer,
    traffic,
    send: noteSends(send, fleet.warmth),
    record: recordCounted,
  });
  const plain = withStoredResponses(sending, responses, { ...stages, clock, record });
  const { anthropic } = config.translators;
  const counting = anthropic.enabled
    ? withTokenCounting(plain, {
        ...stages,
        clock,
        traffic,
        send,
        record,
        isPassthroughOn: anthropic.passthrough_enabled,
      })
    : plain;
  const pipeline = inspector?.seeAnswers(counting) ?? counting;
  const name = config.proxy.load_balancer;
  const balancerName = sticky === undefined ? name : `sticky(${name})`;
  return {
    pipeline,
    engine,
    connections,
    queues,
    cooldowns,
    breakers,
    sticky,
    inspector,
    live,
    balancerName,
  };
}

function createSticky({ config, clock }: AppOptions, { registry }: Fleet): StickySessions | undefined {
  const { enabled, max_sessions, idle_ttl_seconds } = config.proxy.sticky_sessions;
  if (!enabled) return undefined;
  const sessions = new StickySessions({ maxSessions: max_sessions, idleTtlSeconds: idle_ttl_seconds }, clock);
  const purge = () =>
    sessions.purgeEndpoints((name) => {
      const state = registry.byName(name);
      return state !== undefined && takesRequests(state);
    });
  registry.onStatusChange(({ to }) => {
    if (!isRoutable(to)) purge();
  });
  registry.onEndpointsReplaced(purge);
  registry.onDrainingChange(purge);
  return sessions;
}

function settingsOf({ config, clock }: AppOptions, engine: Engine) {
  const { proxy } = config;
  const { retry } = proxy;
  return {
    clock,
    relay: engine.relay,
    deliveryMode: proxy.profile,
    writeLimitBytes: writeLimitBytes(proxy.stream_buffer_size, engine.relay.writeLimitBytes),
    keepaliveMs: proxy.keepalive_interval,
    injectsUsage: proxy.inject_usage,
    policy: createFailoverPolicy({
      enabled: retry.enabled,
      onConnectionFailure: retry.on_connection_failure,
      maxAttempts: retry.max_attempts,
      onStatus: retry.on_status,
      backoffMs: retry.backoff,
      maxBackoffMs: retry.max_backoff,
      jitter: retry.jitter,
      random: Math.random,
    }),
  };
}

function createSend(
  { config, clock }: AppOptions,
  { registry }: Fleet,
  { transport }: Engine,
  pending: PendingAttempts,
): Parameters<typeof createPipeline>[0]["send"] {
  const context: AttemptContext = {
    transport,
    clock,
    watchConnect: createConnectWatch(clock),
    contactAgeMs: (name) => registry.contactAgeMs(name),
    pending,
    responseTimeoutMs: config.proxy.response_timeout,
  };
  return ({ endpoint }, request, client) => sendAttempt(endpoint, request, client, context);
}
