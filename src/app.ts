import { createBalancer } from "./balancer/balancer-by-name.ts";
import { ConnectionCounts } from "./balancer/connections.ts";
import type { EndpointConfig } from "./config/endpoint-config.ts";
import type { Config } from "./config/schema.ts";
import { type BuiltEndpoints, buildEndpoints } from "./endpoints/build-endpoints.ts";
import { EndpointRegistry, type EndpointState } from "./endpoints/endpoint-registry.ts";
import { HealthChecker } from "./endpoints/health-checker.ts";
import { createProbe } from "./endpoints/probe.ts";
import type { BuildIdentity } from "./lib/build-identity.ts";
import type { Clock } from "./lib/clock.ts";
import type { Logger } from "./lib/log.ts";
import { ModelCatalog } from "./models/catalog.ts";
import { ModelDiscovery } from "./models/discovery.ts";
import { type LocalEndpoint, LocalSearch, localPorts, type PortReport } from "./models/local-search.ts";
import { createRecorder } from "./observe/recorder.ts";
import { Stats } from "./observe/stats.ts";
import { BodyBudget } from "./pipeline/body-budget.ts";
import { createPathSupport } from "./pipeline/path-support.ts";
import { createPipeline, type Pipeline } from "./pipeline/pipeline.ts";
import { readBody } from "./pipeline/read-body.ts";
import { buildResponseHeaders, ollaHeaders } from "./pipeline/response-headers.ts";
import { route } from "./pipeline/route.ts";
import { strictRouting } from "./pipeline/routing-strategy.ts";
import type { ProfileSet } from "./profiles/profile-set.ts";
import { type AttemptContext, sendAttempt } from "./proxy/attempt.ts";
import { createConnectWatch } from "./proxy/connect-watch.ts";
import type { Engine } from "./proxy/engine.ts";
import { createSherpaEngine } from "./proxy/sherpa.ts";
import { prepareUpstreamRequest } from "./proxy/upstream-request.ts";
import { type Listener, listen, maxIdleTimeoutSeconds } from "./server/listen.ts";
import { createRouter } from "./server/router.ts";

export interface AppOptions {
  readonly config: Config;
  /** Whether the user wrote the key, in the file or as a variable. */
  readonly isSet: (path: string) => boolean;
  readonly profiles: ProfileSet;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly build: BuildIdentity;
  /** Instead of the configured port; 0 takes a free one. */
  readonly port?: number;
}

/** What a person wants to know after the start. */
export interface FirstLook {
  readonly endpoints: readonly EndpointState[];
  readonly modelNames: readonly string[];
  /** What the search of this machine saw; undefined when endpoints are configured. */
  readonly searched: readonly PortReport[] | undefined;
}

export interface App {
  /**
   * Opens the port at once, whether endpoints are there or not, and begins to look at them.
   * @throws ListenError when the port can't be opened
   */
  start(): { readonly url: string; readonly port: number };
  /** Resolves when every endpoint has been looked at once. Never rejects; call it after `start`. */
  firstLook(): Promise<FirstLook>;
  /** Stops accepting, lets running answers finish within `server.shutdown_timeout`, ends every loop. */
  stop(): Promise<"drained" | "aborted">;
}

/** Wires every part from one validated configuration. Nothing runs before `start`. */
export function createApp(options: AppOptions): App {
  const { config, logger, clock, build, profiles } = options;
  const fleet = createFleet(options);
  const connections = new ConnectionCounts();
  const stats = new Stats(clock);
  fleet.registry.onEndpointsReplaced(() =>
    stats.retainEndpoints(fleet.registry.snapshot().map(({ endpoint }) => endpoint.name)),
  );
  const recorder = createRecorder({ stats, logger, isAccessLogEnabled: config.server.request_logging });
  const engine = createSherpaEngine();
  const pipeline = createRequestPipeline(options, { ...fleet, connections, engine, record: recorder.record });
  const idleTimeoutSeconds = idleSeconds(config.server.idle_timeout || config.server.read_timeout);
  const router = createRouter({
    settings: {
      version: build.version,
      commit: build.commit,
      buildDate: build.date,
      runtime: `Bun ${process.versions.bun}`,
      platform: `${process.platform}/${process.arch}`,
      engine: engine.name,
      balancer: config.proxy.load_balancer,
      deliveryMode: config.proxy.profile,
      startedAt: clock.wallTime(),
      maxHeaderBytes: config.server.request_limits.max_header_size,
      maxBodyBytes: config.server.request_limits.max_body_size,
      idleTimeoutSeconds,
    },
    clock,
    logger,
    profiles,
    pipeline,
    endpoints: fleet.registry,
    catalog: fleet.catalog,
    connections,
    stats,
    record: recorder.record,
  });

  let listener: Listener | undefined;
  return {
    start() {
      listener = listen({
        host: config.server.host,
        port: options.port ?? config.server.port,
        fetch: router.fetch,
        idleTimeoutSeconds,
        clock,
        onUnexpectedError: (error) => logger.error("a request escaped its handler", { error: String(error) }),
      });
      fleet.start();
      return { url: listener.url, port: listener.port };
    },
    firstLook: fleet.firstLook,
    async stop() {
      router.beginDrain();
      const ended = await listener?.stop(config.server.shutdown_timeout);
      await fleet.stop();
      engine.transport.close();
      return ended ?? "drained";
    },
  };
}

/** 0 would let dead connections stay for ever, and Bun cannot count further than 255. */
function idleSeconds(idleMs: number): number {
  return idleMs === 0 ? maxIdleTimeoutSeconds : Math.min(maxIdleTimeoutSeconds, Math.ceil(idleMs / 1000));
}

interface Fleet {
  readonly registry: EndpointRegistry;
  readonly catalog: ModelCatalog;
  start(): void;
  firstLook(): Promise<FirstLook>;
  stop(): Promise<void>;
}

const localSearchTimeoutMs = 2_000;
const localSearchIntervalMs = 15_000;

/** The endpoints, what is known of them, and the loops that keep it true. */
function createFleet({ config, isSet, profiles, logger, clock, build }: AppOptions): Fleet {
  const { proxy, discovery: discoveryConfig, model_registry: modelRegistry } = config;
  const buildFrom = (configs: readonly EndpointConfig[]): BuiltEndpoints =>
    buildEndpoints(configs, {
      profiles,
      defaults: {
        connectMs: proxy.connection_timeout,
        responseHeaderMs: proxy.response_header_timeout,
        readMs: proxy.read_timeout,
      },
      isGlobalTimeoutSet: (key) => isSet(`proxy.${key}`),
    });

  const configured = discoveryConfig.static.endpoints;
  let found: readonly EndpointConfig[] = [];
  let built = buildFrom(configured ?? []);
  const registry = new EndpointRegistry(built.endpoints, { clock, logger });
  const catalog = new ModelCatalog({
    clock,
    staleAfterMs: modelRegistry.unification.stale_threshold,
    cleanupIntervalMs: modelRegistry.unification.cleanup_interval,
  });
  const checker = new HealthChecker({
    registry,
    probe: createProbe({ version: build.version, clock }),
    clock,
    logger,
  });
  const models = discoveryConfig.model_discovery;
  const discovery = new ModelDiscovery({
    registry,
    catalog,
    profiles,
    withProfile: (endpoint, profile) => built.withProfile(endpoint, profile),
    settings: {
      enabled: models.enabled,
      intervalMs: models.interval,
      timeoutMs: models.timeout,
      workers: models.concurrent_workers,
      retryAttempts: models.retry_attempts,
      retryBackoffMs: models.retry_backoff,
    },
    clock,
    logger,
    version: build.version,
  });

  const adopt = (endpoints: readonly LocalEndpoint[]) => {
    found = [...found, ...endpoints.map(localEndpointConfig)];
    built = buildFrom(found);
    registry.replaceAll(built.endpoints);
    for (const { name, url } of endpoints) logger.info("found an endpoint on this machine", { name, url });
  };
  const search =
    configured !== undefined
      ? undefined
      : new LocalSearch({
          ports: localPorts(profiles.all),
          timeoutMs: localSearchTimeoutMs,
          intervalMs: localSearchIntervalMs,
          clock,
          version: build.version,
          onFound: adopt,
        });
  let searched: Promise<readonly PortReport[] | undefined> = Promise.resolve(undefined);

  return {
    registry,
    catalog,
    start() {
      checker.start();
      discovery.start();
      catalog.start();
      if (search === undefined) return;
      searched = search.start().then((reports) => {
        adopt(reports.flatMap((report) => (report.found === undefined ? [] : [report.found])));
        return reports;
      });
    },
    async firstLook() {
      const reports = await searched;
      await checker.checkNow();
      await discovery.refreshAll();
      return { endpoints: registry.snapshot(), modelNames: catalog.names(), searched: reports };
    },
    async stop() {
      search?.stop();
      catalog.stop();
      discovery.stop();
      await checker.stop();
    },
  };
}

/** An endpoint that was found instead of configured has every setting at its default. */
function localEndpointConfig({ name, url, profileName }: LocalEndpoint): EndpointConfig {
  return {
    name,
    url,
    type: profileName,
    priority: 100,
    weight: 1,
    health_check_url: undefined,
    model_url: undefined,
    check_interval: 5_000,
    check_timeout: 2_000,
    preserve_path: false,
    model_filter: { include: [], exclude: [] },
    headers: {},
    auth: undefined,
    connection_timeout: undefined,
    response_header_timeout: undefined,
    read_timeout: undefined,
    max_concurrent: 0,
    tier: "local",
    daily_tokens: 0,
    tls: { ca: "", server_name: "", insecure_skip_verify: false },
  };
}

interface PipelineParts extends Pick<Fleet, "registry" | "catalog"> {
  readonly connections: ConnectionCounts;
  readonly engine: Engine;
  readonly record: Parameters<typeof createPipeline>[0]["record"];
}

function createRequestPipeline(options: AppOptions, parts: PipelineParts): Pipeline {
  const { config, profiles, clock, logger, build } = options;
  const { registry, catalog, connections, engine, record } = parts;
  const { version } = build;
  const bodyLimits = {
    maxBytes: config.server.request_limits.max_body_size,
    timeoutMs: config.server.read_timeout,
    budget: new BodyBudget(config.proxy.max_buffered_bytes),
    clock,
  };
  const pathSupport = createPathSupport(profiles.all);
  const isModelRoutingOn = config.discovery.model_discovery.enabled;
  const attemptContext: AttemptContext = {
    transport: engine.transport,
    clock,
    watchConnect: createConnectWatch(clock),
    contactAgeMs: (name) => registry.contactAgeMs(name),
  };

  return createPipeline({
    clock,
    relay: engine.relay,
    responseTimeoutMs: config.proxy.response_timeout,
    balancer: createBalancer(config.proxy.load_balancer, { connections, random: Math.random }),
    record,
    readBody: async (exchange) => readBody(exchange.request, bodyLimits),
    route: ({ scope, upstreamPath }, { model }) =>
      route(
        { model, scope, upstreamPath },
        {
          endpoints: registry.snapshot(),
          catalog,
          pathSupport,
          strategy: strictRouting,
          isModelRoutingOn,
        },
      ),
    encoder: (exchange, { model, body }) => {
      const build = prepareUpstreamRequest(
        {
          method: exchange.request.method,
          headers: exchange.request.headers,
          clientAddress: exchange.clientAddress,
          isSecure: exchange.isSecure,
          isFromTrustedProxy: false,
          requestId: exchange.requestId,
          upstreamPath: exchange.upstreamPath,
          query: exchange.query,
          model,
          body,
        },
        version,
      );
      return ({ endpoint }) => build(endpoint);
    },
    send: ({ endpoint }, request, clientSignal) =>
      sendAttempt(endpoint, request, clientSignal, attemptContext),
    acquireConnection: (name) => connections.acquire(name),
    onContact: (name) => registry.reportSuccess(name),
    onUnreachable: (name, startedAt) => registry.reportFailure(name, startedAt),
    responseHeaders: ({ exchange, forwarded, ledger, elapsedMs, isStream }) =>
      buildResponseHeaders(
        {
          upstream: forwarded.answer.response.headers,
          endpoint: forwarded.candidate.endpoint,
          requestId: exchange.requestId,
          model: forwarded.candidate.model,
          elapsedMs,
          decision: ledger.decision,
          isStream,
        },
        { version, isCorsOn: false },
      ),
    errorHeaders: (exchange, ledger) =>
      ollaHeaders({
        requestId: exchange.requestId,
        endpointName: ledger.endpointName,
        backendType: undefined,
        model: ledger.model,
        elapsedMs: clock.now() - exchange.receivedAt,
        decision: ledger.decision,
      }),
    onInternalError: (error, exchange) =>
      logger.error("a request failed inside Olla", {
        request_id: exchange.requestId,
        error: error.cause instanceof Error ? (error.cause.stack ?? error.cause.message) : error.message,
      }),
  });
}
