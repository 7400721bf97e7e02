import type { ConfigReload } from "../config/reload-report.ts";
import { createOllamaFleet } from "../models/ollama-fleet.ts";
import { maxIdleTimeoutSeconds } from "../server/listen.ts";
import { createRouter, type Router } from "../server/router.ts";
import { createClientOrigin } from "./client-guard.ts";
import { createConfigView } from "./config-view.ts";
import { createDashboard } from "./dashboard.ts";
import { createFrontGuards } from "./front-guard.ts";
import type { KeptParts } from "./kept-parts.ts";
import { createMaintenance } from "./maintenance.ts";
import type { AppOptions } from "./options.ts";
import { createRequestPath } from "./request-path.ts";

/** All that is built from one configuration and answers the requests that come while it is in force. */
export interface Generation {
  readonly router: Router;
  /** Another one answers what comes from now on; what has begun here ends here. */
  retire(): void;
}

export function createGeneration(
  options: AppOptions,
  kept: KeptParts,
  reload: ConfigReload | undefined,
): Generation {
  const { config, clock, logger, profiles, build } = options;
  const { fleet, tracing } = kept;
  const front = createFrontGuards(options, kept.instanceId);
  const path = createRequestPath(options, kept);
  const router = createRouter({
    settings: {
      version: build.version,
      commit: build.commit,
      buildDate: build.date,
      runtime: `Bun ${process.versions.bun}`,
      platform: `${process.platform}/${process.arch}`,
      engine: kept.engine.name,
      balancer: path.balancerName,
      deliveryMode: config.proxy.profile,
      startedAt: kept.startedAt,
      maxHeaderBytes: config.server.request_limits.max_header_size,
      maxBodyBytes: config.server.request_limits.max_body_size,
      hasBareRoutes: config.server.bare_routes,
      hasBareMetrics: config.telemetry.metrics.bare_route,
      hasAnthropicRoutes: config.translators.anthropic.enabled,
      idleTimeoutSeconds: idleTimeoutSeconds(options),
      adminPort: config.server.admin.port,
    },
    clock,
    logger,
    profiles,
    pipeline: path.pipeline,
    endpoints: fleet.registry,
    catalog: fleet.catalog,
    ...path.names,
    ollama: createOllamaFleet({ clock, version: build.version }),
    refreshModels: (name) => {
      // Twice, because the first may join a run that began before the change.
      void fleet.discovery.refresh(name).then(() => fleet.discovery.refresh(name));
    },
    live: kept.live,
    maintenance: createMaintenance(fleet),
    reload,
    history: kept.records.history,
    connections: kept.connections,
    stats: kept.stats,
    breakers: path.breakers,
    queues: kept.queues,
    cooldowns: kept.cooldowns,
    sticky: path.sticky,
    loaded: path.warmth?.loaded,
    eventLoop: kept.eventLoop,
    guard: kept.guard,
    readOrigin: createClientOrigin(options),
    ...front,
    beginTrace: tracing?.begin,
    feedRecords: kept.feedRecords,
    dashboard: createDashboard(options, front.knowsHost),
    readConfig: () => createConfigView(options),
    record: kept.recorder.record,
  });
  return {
    router,
    retire() {
      path.retire();
      router.handOver();
    },
  };
}

/** 0 would let dead connections stay for ever, and Bun cannot count further than 255. */
export function idleTimeoutSeconds({ config }: Pick<AppOptions, "config">): number {
  const idleMs = config.server.idle_timeout || config.server.read_timeout;
  return idleMs === 0 ? maxIdleTimeoutSeconds : Math.min(maxIdleTimeoutSeconds, Math.ceil(idleMs / 1000));
}
