import { isKeySource } from "../balancer/affinity-key.ts";
import { createBalancer } from "../balancer/balancer-by-name.ts";
import { ConnectionCounts } from "../balancer/connections.ts";
import { createGuardedBalancer, RecentFailures } from "../balancer/failure-share.ts";
import { StickySessions } from "../balancer/sticky.ts";
import { createShareBalancer } from "../balancer/traffic-share.ts";
import { isRoutable } from "../endpoints/endpoint-status.ts";
import type { Outcome } from "../observe/outcome.ts";
import { createAffinityFinder, isResponsesPath, stickyHeaders } from "../pipeline/affinity.ts";
import { BodyBudget } from "../pipeline/body-budget.ts";
import type { TokenCounterContext } from "../pipeline/count-tokens.ts";
import { createAttemptEncoder } from "../pipeline/encode-attempt.ts";
import type { Exchange } from "../pipeline/exchange.ts";
import { createFailoverPolicy } from "../pipeline/failover-policy.ts";
import type { RequestLedger } from "../pipeline/ledger.ts";
import { NativeSupport } from "../pipeline/native-support.ts";
import { type Answered, createPipeline, type Pipeline } from "../pipeline/pipeline.ts";
import { readBody } from "../pipeline/read-body.ts";
import {
  buildResponseHeaders,
  ollaHeaders,
  type ResponseHeaderSettings,
} from "../pipeline/response-headers.ts";
import { createBodyRewriter } from "../pipeline/rewrite-body.ts";
import { type AttemptContext, sendAttempt } from "../proxy/attempt.ts";
import type { BreakerSet } from "../proxy/breakers.ts";
import { createConnectWatch } from "../proxy/connect-watch.ts";
import { Cooldowns } from "../proxy/cooldown.ts";
import { writeLimitBytes } from "../proxy/delivery.ts";
import type { Engine } from "../proxy/engine.ts";
import { keepaliveBytes } from "../proxy/keepalive.ts";
import { createOllaEngine } from "../proxy/olla.ts";
import { PendingAttempts } from "../proxy/pending-attempts.ts";
import { createSherpaEngine } from "../proxy/sherpa.ts";
import { streamKindOf } from "../proxy/stream-kind.ts";
import { Traffic } from "../proxy/traffic.ts";
import { prepareUpstreamRequest } from "../proxy/upstream-request.ts";
import type { QueueView } from "../server/dependencies.ts";
import { ResponseStore } from "../translate/responses/response-store.ts";
import { createClientApis, storedResponseLimits } from "./client-apis.ts";
import type { Fleet } from "./fleet.ts";
import { createInspector, type Inspector } from "./inspector.ts";
import { withKeyModels } from "./key-models.ts";
import type { AppOptions } from "./options.ts";
import { withPins } from "./pinning.ts";
import { createRouting } from "./routing.ts";
import { withStoredResponses } from "./stored-responses.ts";
import { createTiers, type Tiers } from "./tiers.ts";
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
  /** Of the balancer, as shown to operators. */
  readonly balancerName: string;
}

const eventStream = "text/event-stream";

/** When `proxy.keepalive_interval` is off: well below the 60 s after which proxies on the way lose patience. */
const earlyCommitMs = 15_000;

/** Longest time that an endpoint's `Retry-After` is believed. */
const longestCooldownMs = 10 * 60_000;

/** What requests are sent on with, besides what is configured. */
export interface RequestPathOptions extends AppOptions {
  /** Stands in `Via`, so that a request that comes back is known. */
  readonly instanceId: string;
}

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
  const sending = createPipeline({
    ...settingsOf(options, engine),
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
      return state !== undefined && isRoutable(state.health.status);
    });
  registry.onStatusChange(({ to }) => {
    if (!isRoutable(to)) purge();
  });
  registry.onEndpointsReplaced(purge);
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

interface StageParts {
  readonly sessions: StickySessions | undefined;
  readonly responses: ResponseStore;
  readonly tiers: Tiers;
}

/** The stages as the pipeline calls them, each with what it reads of the world. */
function stagesOf(options: RequestPathOptions, fleet: Fleet, { sessions, responses, tiers }: StageParts) {
  const { config, clock, logger, build } = options;
  const { registry, checker, discovery } = fleet;
  const { version } = build;
  const bodyLimits = {
    maxBytes: config.server.request_limits.max_body_size,
    timeoutMs: config.server.read_timeout,
    budget: new BodyBudget(config.proxy.max_buffered_bytes),
    clock,
  };
  const { anthropic } = config.translators;
  const messageLimits = { ...bodyLimits, maxBytes: smaller(bodyLimits.maxBytes, anthropic.max_message_size) };
  const isMessage = ({ dialect }: Exchange) => anthropic.enabled && dialect === "anthropic";
  const rewriter = createBodyRewriter();
  const findApi = createClientApis(options, responses, registry);
  const nativeSupport = new NativeSupport({ clock });
  registry.onStatusChange(({ endpoint, to }) => {
    // It may come back as a newer version.
    if (!isRoutable(to)) nativeSupport.forget(endpoint.name);
  });
  // The same name may stand for another server now.
  registry.onEndpointsReplaced(() => nativeSupport.forgetAll());
  const { key_sources, prefix_hash_bytes } = config.proxy.sticky_sessions;
  const findAffinity = createAffinityFinder({
    sources: key_sources.filter(isKeySource),
    prefixHashBytes: prefix_hash_bytes,
  });

  type Context = Parameters<typeof createPipeline>[0];
  const mayCommitEarly = ({ upstreamPath }: Exchange, wantsStream: boolean) =>
    config.proxy.early_commit && wantsStream && streamKindOf(upstreamPath, "sse") !== undefined;
  return {
    looksAtConversation: sessions !== undefined,
    readBody: async (exchange) =>
      readBody(exchange.request, isMessage(exchange) ? messageLimits : bodyLimits),
    ...createRouting(options, fleet, findApi, tiers),
    contextOf: tiers.contextOf,
    countsTokensAt: tiers.countsTokensAt,
    beginSticky: (exchange, inspection) => sessions?.begin(findAffinity(exchange, inspection)),
    onResponseId: (id, model, place, owner) => sessions?.noteResponse(id, model, place, owner),
    findApi,
    nativeSupport,
    encoder: (exchange, inspection, apiRequest) => {
      const { model, body, compressed, wantsStream } = inspection;
      let { headers } = exchange.request;
      if (mayCommitEarly(exchange, wantsStream)) {
        // An early head can't say how the body will be encoded.
        headers = new Headers(headers);
        headers.delete("accept-encoding");
      }
      const build = prepareUpstreamRequest(
        { ...clientRequestOf(exchange), headers, model, body: compressed ?? body },
        version,
        options.instanceId,
      );
      const { upstreamPath } = exchange;
      return createAttemptEncoder({ inspection, upstreamPath, apiRequest, build, rewriter });
    },
    builder: (exchange, { model }) =>
      prepareUpstreamRequest(
        { ...clientRequestOf(exchange), model, body: undefined },
        version,
        options.instanceId,
      ),
    earlyCommit: (exchange, { wantsStream }, ledger) => {
      if (!mayCommitEarly(exchange, wantsStream)) return undefined;
      const keepalive = keepaliveBytes(exchange.dialect, eventStream);
      if (keepalive === undefined) return undefined;
      return {
        clock,
        intervalMs: config.proxy.keepalive_interval || earlyCommitMs,
        keepalive,
        headers: () => earlyHeaders(exchange, ledger, version),
        renderError: (error) => exchange.renderStreamError(error, eventStream, undefined),
        errorEventName: errorEventNameOf(exchange),
      };
    },
    onContact: (name) => registry.reportSuccess(name),
    onUnreachable: (name, startedAt) => registry.reportFailure(name, startedAt),
    onDoubt: (name) => void checker.checkNow(name),
    onModelMissing: (name, model) => discovery.noteMissing(name, model),
    responseHeaders: (answered) =>
      responseHeaders(answered, { version, isCorsOn: config.server.cors.enabled }),
    errorHeaders: (exchange, ledger) => [
      ...ollaHeaders({
        requestId: exchange.requestId,
        endpointName: ledger.endpointName,
        backendType:
          ledger.endpointName === undefined
            ? undefined
            : registry.byName(ledger.endpointName)?.endpoint.profile.name,
        model: ledger.askedModel,
        elapsedMs: clock.now() - exchange.receivedAt,
        decision: ledger.decision,
      }),
      ...(ledger.isCloud ? [["X-Olla-Tier", "cloud"] as const] : []),
      ...attemptHeaders(ledger.attemptCount),
      ...stickyHeaders(ledger.sticky),
    ],
    onInternalError: (error, exchange) =>
      logger.error("a request failed inside Olla", {
        request_id: exchange.requestId,
        error: error.cause instanceof Error ? (error.cause.stack ?? error.cause.message) : error.message,
      }),
  } satisfies Partial<Context & Pick<TokenCounterContext, "builder">>;
}

/** What endpoints get to see of a client, whatever is asked. */
function clientRequestOf(exchange: Exchange) {
  const { request, peerAddress, clientAddress, trustedForwarding, isSecure, requestId, upstreamPath, query } =
    exchange;
  return {
    method: request.method,
    headers: request.headers,
    peerAddress,
    clientAddress,
    trustedForwarding,
    isSecure,
    requestId,
    upstreamPath,
    query,
  };
}

/** Of two limits of which 0 is none. */
function smaller(left: number, right: number): number {
  return left === 0 || right === 0 ? Math.max(left, right) : Math.min(left, right);
}

function errorEventNameOf({ dialect, upstreamPath }: Exchange): "error" | "response.failed" | undefined {
  if (isResponsesPath(upstreamPath)) return "response.failed";
  return dialect === "anthropic" ? "error" : undefined;
}

/** What can be said before anybody knows who will answer. */
function earlyHeaders(exchange: Exchange, ledger: RequestLedger, version: string): Headers {
  const headers = new Headers({
    "Content-Type": eventStream,
    "Cache-Control": "no-cache",
    "X-Accel-Buffering": "no",
    "X-Served-By": `Olla/${version}`,
    Via: `1.1 olla/${version}`,
  });
  const facts = {
    requestId: exchange.requestId,
    endpointName: undefined,
    backendType: undefined,
    model: ledger.model,
    elapsedMs: undefined,
    decision: ledger.decision,
  };
  for (const [name, value] of ollaHeaders(facts)) headers.set(name, value);
  return headers;
}

function responseHeaders(
  { exchange, forwarded, ledger, elapsedMs, isStream, upstreamHeaders }: Answered,
  settings: ResponseHeaderSettings,
): Headers {
  const { candidate, claim, dispatch, retryAfterSeconds } = forwarded;
  const headers = buildResponseHeaders(
    {
      upstream: upstreamHeaders,
      endpoint: candidate.endpoint,
      requestId: exchange.requestId,
      model: candidate.model,
      elapsedMs,
      decision: ledger.decision,
      isStream,
    },
    settings,
  );
  if (ledger.isCloud) headers.set("x-olla-tier", "cloud");
  if (dispatch.isNative) headers.set("x-olla-mode", "passthrough");
  for (const [name, value] of dispatch.translated?.translation.notices ?? []) headers.set(name, value);
  if (exchange.dialect === "anthropic") headers.set("request-id", exchange.requestId);
  for (const [name, value] of attemptHeaders(forwarded.attempts)) headers.set(name, value);
  for (const [name, value] of stickyHeaders(ledger.sticky)) headers.set(name, value);
  if (claim.queuedMs > 0) {
    headers.set("x-olla-queue-time", `${Math.round(claim.queuedMs)}ms`);
    headers.set("x-olla-queue-depth", String(claim.queueDepth));
  }
  if (retryAfterSeconds !== undefined) {
    headers.set("retry-after", String(retryAfterSeconds));
    // The endpoint's own, which clients would prefer.
    headers.delete("retry-after-ms");
  }
  return headers;
}

/** Said only when there is something to say: nearly every request needs one attempt. */
function attemptHeaders(attempts: number): [string, string][] {
  return attempts > 0 ? [["X-Olla-Attempts", String(attempts)]] : [];
}
