import { createClientOrigin, createGuard } from "./app/client-guard.ts";
import { createFleet, type FirstLook } from "./app/fleet.ts";
import { createListenerTls } from "./app/listener-tls.ts";
import type { AppOptions } from "./app/options.ts";
import { createRequestPath } from "./app/request-path.ts";
import { createOllamaFleet } from "./models/ollama-fleet.ts";
import { createRecorder } from "./observe/recorder.ts";
import { Stats } from "./observe/stats.ts";
import { type Listener, listen, maxIdleTimeoutSeconds } from "./server/listen.ts";
import { createRouter } from "./server/router.ts";

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
  const stats = new Stats(clock);
  fleet.registry.onEndpointsReplaced(() =>
    stats.retainEndpoints(fleet.registry.snapshot().map(({ endpoint }) => endpoint.name)),
  );
  const recorder = createRecorder({ stats, logger, isAccessLogEnabled: config.server.request_logging });
  const path = createRequestPath(options, fleet, recorder.record);
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
      hasAnthropicRoutes: config.translators.anthropic.enabled,
      idleTimeoutSeconds,
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
    connections: path.connections,
    stats,
    breakers: path.breakers,
    queues: path.queues,
    cooldowns: path.cooldowns,
    sticky: path.sticky,
    loaded: fleet.warmth?.loaded,
    guard: createGuard(options),
    readOrigin: createClientOrigin(options),
    record: recorder.record,
  });

  const listenerTls = createListenerTls(options);
  let listener: Listener | undefined;
  return {
    start() {
      listener = listen({
        host: config.server.host,
        port: options.port ?? config.server.port,
        fetch: router.fetch,
        idleTimeoutSeconds,
        tls: listenerTls.tls,
        clock,
        onUnexpectedError: (error) => logger.error("a request escaped its handler", { error: String(error) }),
        onPortLost: (error) => logger.error("The port could not be opened again", { error: String(error) }),
      });
      listenerTls.start([listener]);
      fleet.start();
      return { url: listener.url, port: listener.port };
    },
    firstLook: fleet.firstLook,
    async stop() {
      router.beginDrain();
      listenerTls.stop();
      const ended = await listener?.stop(config.server.shutdown_timeout);
      await path.inspector?.flush();
      await fleet.stop();
      path.engine.transport.close();
      return ended ?? "drained";
    },
  };
}

/** 0 would let dead connections stay for ever, and Bun cannot count further than 255. */
function idleSeconds(idleMs: number): number {
  return idleMs === 0 ? maxIdleTimeoutSeconds : Math.min(maxIdleTimeoutSeconds, Math.ceil(idleMs / 1000));
}
