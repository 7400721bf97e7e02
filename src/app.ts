import { createClientOrigin, createGuard } from "./app/client-guard.ts";
import { createConfigView } from "./app/config-view.ts";
import { createDashboard, createFeedRecords } from "./app/dashboard.ts";
import { createFleet, type FirstLook } from "./app/fleet.ts";
import { createFrontGuards } from "./app/front-guard.ts";
import { createListenerTls } from "./app/listener-tls.ts";
import { createMaintenance } from "./app/maintenance.ts";
import type { AppOptions } from "./app/options.ts";
import { createRequestPath } from "./app/request-path.ts";
import { createRequestRecords } from "./app/request-records.ts";
import { runFigures } from "./app/run-figures.ts";
import { createStats } from "./app/stats.ts";
import { createOllamaFleet } from "./models/ollama-fleet.ts";
import { EventLoopDelay } from "./observe/event-loop-delay.ts";
import { createRecorder } from "./observe/recorder.ts";
import { type Listener, type ListenOptions, listen, maxIdleTimeoutSeconds } from "./server/listen.ts";
import { createRouter } from "./server/router.ts";

export interface AppAddress {
  readonly url: string;
  readonly port: number;
  /** Where `/internal/` is; the same as `url` unless it has a port of its own. */
  readonly adminUrl: string;
  /** Of the page for operators; undefined while it is switched off, and behind a Unix socket, where no browser looks. */
  readonly dashboardUrl: string | undefined;
}

export interface App {
  /**
   * Opens the ports at once, whether endpoints are there or not, and begins to look at them.
   * @throws ListenError when one can't be opened, RequestLogRefusal when the request log is to go where it may not
   */
  start(): AppAddress;
  /** Resolves when every endpoint has been looked at once. Never rejects; call it after `start`. */
  firstLook(): Promise<FirstLook>;
  /** Stops accepting, lets running answers finish within `server.shutdown_timeout`, ends every loop. */
  stop(): Promise<"drained" | "aborted">;
}

/** Wires every part from one validated configuration. Nothing runs before `start`. */
export function createApp(options: AppOptions): App {
  const { config, logger, clock, build, profiles } = options;
  const fleet = createFleet(options);
  const stats = createStats(options, fleet);
  const eventLoop = new EventLoopDelay(clock);
  const records = createRequestRecords(options);
  const tracing = options.startTracing?.((name) => fleet.registry.byName(name)?.endpoint);
  const feedRecords = createFeedRecords(clock);
  const recorder = createRecorder({
    stats,
    logger,
    isAccessLogEnabled: config.server.request_logging,
    sinks: [records.sink, feedRecords.sink, ...(tracing === undefined ? [] : [tracing.record])],
  });
  const instanceId = crypto.randomUUID().slice(0, 13);
  const front = createFrontGuards(options, instanceId);
  const path = createRequestPath({ ...options, instanceId, stats }, fleet, recorder.record);
  const idleTimeoutSeconds = idleSeconds(config.server.idle_timeout || config.server.read_timeout);
  const router = createRouter({
    settings: {
      version: build.version,
      commit: build.commit,
      buildDate: build.date,
      runtime: `Bun ${process.versions.bun}`,
      platform: `${process.platform}/${process.arch}`,
      engine: path.engine.name,
      balancer: path.balancerName,
      deliveryMode: config.proxy.profile,
      startedAt: clock.wallTime(),
      maxHeaderBytes: config.server.request_limits.max_header_size,
      maxBodyBytes: config.server.request_limits.max_body_size,
      hasBareRoutes: config.server.bare_routes,
      hasBareMetrics: config.telemetry.metrics.bare_route,
      hasAnthropicRoutes: config.translators.anthropic.enabled,
      idleTimeoutSeconds,
      adminPort: config.server.admin.port,
    },
    clock,
    logger,
    profiles,
    pipeline: path.pipeline,
    endpoints: fleet.registry,
    catalog: fleet.catalog,
    listedModels: fleet.listedModels,
    aliases: fleet.aliases,
    ollama: createOllamaFleet({ clock, version: build.version }),
    refreshModels: (name) => {
      // Twice, because the first may join a run that began before the change.
      void fleet.discovery.refresh(name).then(() => fleet.discovery.refresh(name));
    },
    live: path.live,
    maintenance: createMaintenance(fleet),
    history: records.history,
    connections: path.connections,
    stats,
    breakers: path.breakers,
    queues: path.queues,
    cooldowns: path.cooldowns,
    sticky: path.sticky,
    loaded: fleet.warmth?.loaded,
    eventLoop,
    guard: createGuard(options),
    readOrigin: createClientOrigin(options),
    ...front,
    beginTrace: tracing?.begin,
    feedRecords,
    dashboard: createDashboard(options, front.knowsHost),
    readConfig: () => createConfigView(options),
    record: recorder.record,
  });

  const listenerTls = createListenerTls(options);
  const listeners: Listener[] = [];
  const open = (address: Pick<ListenOptions, "port" | "portKey" | "fetch">) => {
    const listener = listen({
      ...address,
      host: config.server.host,
      idleTimeoutSeconds,
      tls: listenerTls.tls,
      clock,
      onUnexpectedError: (error) => logger.error("a request escaped its handler", { error: String(error) }),
      onPortLost: (error) => logger.error("The port could not be opened again", { error: String(error) }),
    });
    listeners.push(listener);
    return listener;
  };
  return {
    start() {
      const { port, admin } = config.server;
      records.start();
      // First, so that nobody meets a main port whose admin port is missing.
      const ofAdmin =
        admin.port === undefined
          ? undefined
          : open({ port: admin.port, portKey: "server.admin.port", fetch: router.fetchAdmin });
      const main = open({ port: options.port ?? port, portKey: "server.port", fetch: router.fetch });
      listenerTls.start(listeners);
      fleet.start();
      const adminUrl = ofAdmin?.url ?? main.url;
      const hasPage = config.dashboard.enabled && !adminUrl.startsWith("unix:");
      const dashboardUrl = hasPage ? `${adminUrl}/internal/ui/` : undefined;
      return { url: main.url, port: main.port, adminUrl, dashboardUrl };
    },
    firstLook: fleet.firstLook,
    async stop() {
      router.beginDrain();
      listenerTls.stop();
      eventLoop.stop();
      const grace = config.server.shutdown_timeout;
      const endings = await Promise.all(listeners.map((listener) => listener.stop(grace)));
      if (config.engineering.show_nerdstats) {
        logger.info("What this run took", runFigures(options, fleet, stats));
      }
      await path.inspector?.flush();
      await fleet.stop();
      path.engine.transport.close();
      await Promise.all([records.stop(), tracing?.stop()]);
      return endings.includes("aborted") ? "aborted" : "drained";
    },
  };
}

/** 0 would let dead connections stay for ever, and Bun cannot count further than 255. */
function idleSeconds(idleMs: number): number {
  return idleMs === 0 ? maxIdleTimeoutSeconds : Math.min(maxIdleTimeoutSeconds, Math.ceil(idleMs / 1000));
}
