import { createBalancer } from "../balancer/balancer-by-name.ts";
import { createGuardedBalancer } from "../balancer/failure-share.ts";
import type { StickySessions } from "../balancer/sticky.ts";
import { createShareBalancer } from "../balancer/traffic-share.ts";
import { isRoutable } from "../endpoints/endpoint-status.ts";
import type { Outcome } from "../observe/outcome.ts";
import { createFailoverPolicy } from "../pipeline/failover-policy.ts";
import { createPipeline, type Pipeline } from "../pipeline/pipeline.ts";
import { type AttemptContext, sendAttempt } from "../proxy/attempt.ts";
import type { BreakerSet } from "../proxy/breakers.ts";
import { createConnectWatch } from "../proxy/connect-watch.ts";
import { writeLimitBytes } from "../proxy/delivery.ts";
import type { Engine } from "../proxy/engine.ts";
import { Traffic } from "../proxy/traffic.ts";
import { createClientApis } from "./client-apis.ts";
import type { Fleet } from "./fleet.ts";
import { createInspector } from "./inspector.ts";
import type { KeptParts } from "./kept-parts.ts";
import { withKeyModels } from "./key-models.ts";
import { createModelNames, type ModelNames } from "./model-names.ts";
import type { AppOptions } from "./options.ts";
import { withPins } from "./pinning.ts";
import { stagesOf } from "./stages.ts";
import { withStoredResponses } from "./stored-responses.ts";
import { createTiers } from "./tiers.ts";
import { withTokenCounting } from "./token-counting.ts";
import { noteSends, preferWaitingForWarm, preferWarm, type WarmthParts } from "./warmth.ts";

/** The pipeline of one configuration, with everything that decides about a request. */
export interface RequestPath {
  readonly pipeline: Pipeline;
  readonly names: ModelNames;
  /** Undefined where the engine has none, or they are switched off. */
  readonly breakers: BreakerSet | undefined;
  /** Undefined while sessions are not sticky. */
  readonly sticky: StickySessions | undefined;
  /** Undefined while `proxy.prefer_loaded` is off. */
  readonly warmth: WarmthParts | undefined;
  /** Of the balancer, as shown to operators. */
  readonly balancerName: string;
  /** Other settings are in force: from now on it serves only the requests that have begun. */
  retire(): void;
}

export function createRequestPath(options: AppOptions, kept: KeptParts): RequestPath {
  const { config, clock } = options;
  const { proxy } = config;
  const { fleet, engine, connections, recentFailures, admission, cooldowns, live } = kept;
  const { record } = kept.recorder;
  const breakers = engine.hasBreaker && proxy.circuit_breaker.enabled ? kept.breakers : undefined;
  const sticky = proxy.sticky_sessions.enabled ? kept.sticky : undefined;
  const warmth = proxy.prefer_loaded ? fleet.warmth : undefined;
  const chosen = createBalancer(proxy.load_balancer, { connections, random: Math.random });
  const names = createModelNames(options, fleet.catalog);
  const tiers = createTiers(options, kept);
  const apis = createClientApis(options, kept.responses, fleet.registry);
  const recordCounted = (outcome: Outcome) => {
    tiers.note(outcome);
    record(outcome);
  };
  const traffic = new Traffic({
    clock,
    draining: fleet.registry.draining,
    admission,
    cooldowns,
    recentFailures,
    breakers,
    worthWaiting: preferWaitingForWarm(chosen, warmth, connections),
    overflowAfterMs: proxy.overflow.after,
    onSuspicion: (name) => void askAfterSuspicion(name, fleet, breakers),
  });
  const guarded = createGuardedBalancer(preferWarm(chosen, warmth, connections), recentFailures);
  const balancer = createShareBalancer(guarded, Math.random);

  const send = createSend(options, kept);
  const stages = withKeyModels(
    withPins(stagesOf(options, kept, { names, sessions: sticky, tiers, findApi: apis.find }), tiers),
  );
  const inspector = createInspector(options, stages.findApi, kept.conversations);
  const sending = createPipeline({
    ...settingsOf(options, engine),
    live,
    ...stages,
    readBody: inspector?.seeRequests(stages.readBody) ?? stages.readBody,
    balancer,
    traffic,
    send: noteSends(send, warmth),
    record: recordCounted,
  });
  const plain = withStoredResponses(sending, kept.responses, { ...stages, clock, record });
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
  return {
    pipeline: inspector?.seeAnswers(counting) ?? counting,
    names,
    breakers,
    sticky,
    warmth,
    balancerName: sticky === undefined ? proxy.load_balancer : `sticky(${proxy.load_balancer})`,
    retire: apis.retire,
  };
}

/** A plain 500 may be a client's doing. It counts only if the endpoint, asked now, is not well either. */
async function askAfterSuspicion(
  name: string,
  { checker, registry }: Fleet,
  breakers: BreakerSet | undefined,
): Promise<void> {
  await checker.checkNow(name);
  const state = registry.byName(name);
  if (state !== undefined) breakers?.settleSuspicion(name, !isRoutable(state.health.status));
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
  { fleet: { registry }, engine: { transport }, pending }: KeptParts,
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
