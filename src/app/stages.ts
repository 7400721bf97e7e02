import { isKeySource } from "../balancer/affinity-key.ts";
import type { StickySessions } from "../balancer/sticky.ts";
import { isRoutable } from "../endpoints/endpoint-status.ts";
import { helpFor } from "../errors.ts";
import type { Stats } from "../observe/stats.ts";
import { createAffinityFinder, isResponsesPath, stickyHeaders } from "../pipeline/affinity.ts";
import { BodyBudget } from "../pipeline/body-budget.ts";
import type { TokenCounterContext } from "../pipeline/count-tokens.ts";
import { createAttemptEncoder } from "../pipeline/encode-attempt.ts";
import type { Exchange } from "../pipeline/exchange.ts";
import { NativeSupport } from "../pipeline/native-support.ts";
import type { createPipeline } from "../pipeline/pipeline.ts";
import { readBody } from "../pipeline/read-body.ts";
import { ollaHeaders, ResponseHeaders } from "../pipeline/response-headers.ts";
import { createBodyRewriter } from "../pipeline/rewrite-body.ts";
import { keepaliveBytes } from "../proxy/keepalive.ts";
import { streamKindOf } from "../proxy/stream-kind.ts";
import { type ClientRequest, createRequestBuilder } from "../proxy/upstream-request.ts";
import type { ResponseStore } from "../translate/responses/response-store.ts";
import { attemptHeaders, earlyHeaders, eventStream, responseHeaders } from "./answer-headers.ts";
import { createClientApis } from "./client-apis.ts";
import type { Fleet } from "./fleet.ts";
import type { AppOptions } from "./options.ts";
import { createRouting } from "./routing.ts";
import type { Tiers } from "./tiers.ts";

/** What requests are sent on with, besides what is configured. */
export interface RequestPathOptions extends AppOptions {
  /** Stands in `Via`, so that a request that comes back is known. */
  readonly instanceId: string;
  /** Is told when a circuit breaker changes. */
  readonly stats: Pick<Stats, "noteTransition">;
}

/** When `proxy.keepalive_interval` is off: well below the 60 s after which proxies on the way lose patience. */
const earlyCommitMs = 15_000;

/** What is made once and used by more than the stages. */
export interface StageParts {
  readonly sessions: StickySessions | undefined;
  readonly responses: ResponseStore;
  readonly tiers: Tiers;
}

/** The stages as the pipeline calls them, each with what it reads of the world. */
export function stagesOf(
  options: RequestPathOptions,
  fleet: Fleet,
  { sessions, responses, tiers }: StageParts,
) {
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
  const relayedHeaders = new ResponseHeaders({ version, isCorsOn: config.server.cors.enabled });
  const prepare = createRequestBuilder(version, options.instanceId);
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
    readBody: (exchange) => readBody(exchange.request, isMessage(exchange) ? messageLimits : bodyLimits),
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
      const build = prepare(clientRequestOf(exchange, headers, model, compressed ?? body));
      const { upstreamPath } = exchange;
      return createAttemptEncoder({ inspection, upstreamPath, apiRequest, build, rewriter });
    },
    builder: (exchange, { model }) =>
      prepare(clientRequestOf(exchange, exchange.request.headers, model, undefined)),
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
    responseHeaders: (answered) => responseHeaders(answered, relayedHeaders),
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
        help: helpFor("internal"),
      }),
  } satisfies Partial<Context & Pick<TokenCounterContext, "builder">>;
}

/** What endpoints get to see of a client, whatever is asked. */
function clientRequestOf(
  exchange: Exchange,
  headers: Headers,
  model: string | undefined,
  body: ClientRequest["body"],
): ClientRequest {
  const { request, peerAddress, clientAddress, trustedForwarding, isSecure, requestId, upstreamPath, query } =
    exchange;
  return {
    method: request.method,
    headers,
    model,
    body,
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
