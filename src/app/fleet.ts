import type { EndpointConfig } from "../config/endpoint-config.ts";
import { defaultEndpoint } from "../config/endpoints.ts";
import { type BuiltEndpoints, buildEndpoints, endpointSettings } from "../endpoints/build-endpoints.ts";
import { EndpointRegistry, type EndpointState } from "../endpoints/endpoint-registry.ts";
import { HealthChecker } from "../endpoints/health-checker.ts";
import { createProbe } from "../endpoints/probe.ts";
import type { AliasTable } from "../models/alias.ts";
import { createListedModels } from "../models/alias-models.ts";
import { createAliasTable } from "../models/alias-table.ts";
import { ModelCatalog } from "../models/catalog.ts";
import { ModelDiscovery } from "../models/discovery.ts";
import { type LocalEndpoint, LocalSearch, localPorts, type PortReport } from "../models/local-search.ts";
import type { UnifiedModel } from "../models/unified-model.ts";
import type { AppOptions } from "./options.ts";
import { createWarmth, type WarmthParts } from "./warmth.ts";

/** What a person wants to know after the start. */
export interface FirstLook {
  readonly endpoints: readonly EndpointState[];
  readonly modelNames: readonly string[];
  /** By endpoint name. */
  readonly modelCounts: ReadonlyMap<string, number>;
  /** What the search of this machine saw; undefined when endpoints are configured. */
  readonly searched: readonly PortReport[] | undefined;
}

/** The endpoints, what is known of them, and the loops that keep it true. */
export interface Fleet {
  readonly registry: EndpointRegistry;
  readonly catalog: ModelCatalog;
  readonly aliases: AliasTable;
  /** The catalog's models and the aliases, as lists show them. */
  readonly listedModels: () => readonly UnifiedModel[];
  readonly checker: HealthChecker;
  readonly discovery: ModelDiscovery;
  /** Undefined while `proxy.prefer_loaded` is off. */
  readonly warmth: WarmthParts | undefined;
  start(): void;
  firstLook(): Promise<FirstLook>;
  stop(): Promise<void>;
}

const localSearchTimeoutMs = 2_000;
const localSearchIntervalMs = 15_000;

export function createFleet(options: AppOptions): Fleet {
  const { config, isSet, profiles, naming, logger, clock, build } = options;
  const { discovery: discoveryConfig, model_registry: modelRegistry } = config;
  const buildFrom = (configs: readonly EndpointConfig[]): BuiltEndpoints =>
    buildEndpoints(configs, endpointSettings(config, profiles, isSet));

  const configured = discoveryConfig.static.endpoints;
  let found: readonly EndpointConfig[] = [];
  let built = buildFrom(configured ?? []);
  const registry = new EndpointRegistry(built.endpoints, { clock, logger });
  const catalog = new ModelCatalog({
    clock,
    staleAfterMs: modelRegistry.unification.stale_threshold,
    cleanupIntervalMs: modelRegistry.unification.cleanup_interval,
    ...(naming && { naming }),
    profiles,
    rules: {
      isMerging: modelRegistry.enable_unifier,
      isUntaggedLatest: modelRegistry.unification.untagged_is_latest,
    },
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
      removalGraceMs: models.removal_grace,
    },
    clock,
    logger,
    version: build.version,
  });

  const warmth = createWarmth(options, registry);

  const adopt = (endpoints: readonly LocalEndpoint[]) => {
    found = [
      ...found,
      ...endpoints.map(({ name, url, profileName }) => defaultEndpoint({ name, url, type: profileName })),
    ];
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

  const aliases = createAliasTable(config.model_aliases);
  return {
    registry,
    catalog,
    aliases,
    listedModels: createListedModels(catalog, aliases),
    checker,
    discovery,
    warmth,
    start() {
      checker.start();
      discovery.start();
      warmth?.poller.start();
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
      const endpoints = registry.snapshot();
      const modelCounts = new Map(
        endpoints.map(({ endpoint: { name } }) => [name, catalog.modelsAt(name).length]),
      );
      return { endpoints, modelNames: catalog.names(), modelCounts, searched: reports };
    },
    async stop() {
      search?.stop();
      catalog.stop();
      discovery.stop();
      warmth?.poller.stop();
      await checker.stop();
    },
  };
}
