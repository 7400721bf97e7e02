import type { EndpointConfig } from "../config/endpoint-config.ts";
import { defaultEndpoint } from "../config/endpoints.ts";
import { type BuiltEndpoints, buildEndpoints, endpointSettings } from "../endpoints/build-endpoints.ts";
import type { Endpoint } from "../endpoints/endpoint.ts";
import { EndpointRegistry, type EndpointState } from "../endpoints/endpoint-registry.ts";
import { HealthChecker } from "../endpoints/health-checker.ts";
import { createProbe } from "../endpoints/probe.ts";
import { ModelCatalog, type ModelCatalogOptions } from "../models/catalog.ts";
import { type DiscoverySettings, ModelDiscovery } from "../models/discovery.ts";
import { type LocalEndpoint, LocalSearch, localPorts, type PortReport } from "../models/local-search.ts";
import type { AppSettings, AppSurroundings } from "./options.ts";
import { createScout, type Scouted } from "./scout.ts";
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

/** The endpoints, what is known of them, and the loops that keep it true. It outlives reloads. */
export interface Fleet {
  readonly registry: EndpointRegistry;
  readonly catalog: ModelCatalog;
  readonly checker: HealthChecker;
  readonly discovery: ModelDiscovery;
  /** Idle while `proxy.prefer_loaded` is off. */
  readonly warmth: WarmthParts;
  start(): void;
  firstLook(): Promise<FirstLook>;
  /**
   * Looks at the endpoints that these settings would add, so that what `apply` puts in their place can be used at once.
   * Ends after a few seconds, whoever has not answered. Changes nothing, never rejects.
   */
  scout(settings: AppSettings): Promise<readonly Scouted[]>;
  /**
   * Puts other settings in force. An endpoint with the same name and URL keeps all that is known of it. Everything is
   * synchronous, so no request is routed by half of it.
   */
  apply(settings: AppSettings, scouted: readonly Scouted[]): void;
  stop(): Promise<void>;
}

const localSearchTimeoutMs = 2_000;
const localSearchIntervalMs = 15_000;

export function createFleet(initial: AppSettings, surroundings: AppSurroundings): Fleet {
  const { logger, clock, build } = surroundings;
  let settings = initial;
  let isRunning = false;
  let found: readonly EndpointConfig[] = [];
  let built = buildFrom(settings, found);
  const registry = new EndpointRegistry(built.endpoints, { clock, logger });
  const catalog = new ModelCatalog(catalogOptions(settings, surroundings));
  const probe = createProbe({ version: build.version, clock });
  const checker = new HealthChecker({ registry, probe, clock, logger });
  const discovery = new ModelDiscovery({
    registry,
    catalog,
    profiles: settings.profiles,
    withProfile: (endpoint, profile) => built.withProfile(endpoint, profile),
    settings: discoverySettings(settings),
    clock,
    logger,
    version: build.version,
  });
  const warmth = createWarmth(surroundings, registry);
  const scoutEndpoint = createScout({ probe, clock, version: build.version });

  const adopt = (endpoints: readonly LocalEndpoint[]) => {
    // A look that was under way when a file came that names endpoints.
    if (settings.config.discovery.static.endpoints !== undefined) return;
    found = [
      ...found,
      ...endpoints.map(({ name, url, profileName }) => defaultEndpoint({ name, url, type: profileName })),
    ];
    built = buildFrom(settings, found);
    registry.replaceAll(built.endpoints);
    for (const { name, url } of endpoints) logger.info("found an endpoint on this machine", { name, url });
  };
  let search: LocalSearch | undefined;
  let searched: Promise<readonly PortReport[] | undefined> = Promise.resolve(undefined);
  /** While no file names endpoints, this machine is searched for some. */
  const searchIfWanted = () => {
    if (settings.config.discovery.static.endpoints !== undefined) {
      search?.stop();
      search = undefined;
      found = [];
      searched = Promise.resolve(undefined);
      return;
    }
    if (search !== undefined) return;
    search = new LocalSearch({
      ports: localPorts(settings.profiles.all),
      timeoutMs: localSearchTimeoutMs,
      intervalMs: localSearchIntervalMs,
      clock,
      version: build.version,
      onFound: adopt,
    });
    searched = search.start().then((reports) => {
      adopt(reports.flatMap((report) => (report.found === undefined ? [] : [report.found])));
      return reports;
    });
  };
  const followWarmth = () => {
    if (settings.config.proxy.prefer_loaded) warmth.poller.start();
    else warmth.poller.stop();
  };

  /** The records of these settings, with the kinds that were found out already. */
  const recordsOf = ({ endpoints, withProfile }: BuiltEndpoints, next: AppSettings): readonly Endpoint[] =>
    endpoints.map((endpoint) => {
      const before = registry.byName(endpoint.name)?.endpoint;
      const isSame = before?.url === endpoint.url && !before.isAutoDetected;
      return isSame ? withProfile(endpoint, next.profiles.byName(before.profile.name)) : endpoint;
    });

  return {
    registry,
    catalog,
    checker,
    discovery,
    warmth,
    start() {
      isRunning = true;
      checker.start();
      discovery.start();
      followWarmth();
      catalog.start();
      searchIfWanted();
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
    scout(next) {
      const { endpoints } = buildFrom(next, found);
      const isNew = ({ name, url }: Endpoint) => registry.byName(name)?.endpoint.url !== url;
      return Promise.all(endpoints.filter(isNew).map((endpoint) => scoutEndpoint(endpoint, next)));
    },
    apply(next, scouted) {
      settings = next;
      built = buildFrom(next, found);
      const records = recordsOf(built, next);
      const staying = new Map(records.map(({ name, url }) => [name, url]));
      // One that has moved is first gone, so that all that was kept under its name goes with it.
      const stays = ({ endpoint: { name, url } }: EndpointState) => staying.get(name) === url;
      registry.replaceAll(
        registry
          .snapshot()
          .filter(stays)
          .map(({ endpoint }) => endpoint),
      );
      catalog.configure(catalogOptions(next, surroundings));
      const openKinds = built.endpoints.filter(({ isAutoDetected }) => isAutoDetected);
      discovery.configure(discoverySettings(next), next.profiles, new Set(openKinds.map(({ name }) => name)));
      registry.replaceAll(records);
      for (const report of scouted) introduce(report);
      if (!isRunning) return;
      followWarmth();
      searchIfWanted();
    },
    async stop() {
      isRunning = false;
      search?.stop();
      catalog.stop();
      discovery.stop();
      warmth.poller.stop();
      await checker.stop();
    },
  };

  /** An endpoint that was looked at comes in with what was seen. */
  function introduce({ endpoint: { name, url }, result, list }: Scouted): void {
    const endpoint = registry.byName(name)?.endpoint;
    if (endpoint?.url !== url || result === undefined) return;
    if (list !== undefined && endpoint.isAutoDetected) {
      registry.replaceEndpoint(built.withProfile(endpoint, list.profile));
    }
    registry.applyProbe(name, result);
    if (list === undefined) return;
    const models = list.models.filter((model) => endpoint.admitsModel(model.name));
    catalog.replaceModels(name, list.profile.name, models);
  }
}

/** @param found by the search of this machine, which counts where no file names endpoints */
function buildFrom(
  { config, profiles, isSet }: AppSettings,
  found: readonly EndpointConfig[],
): BuiltEndpoints {
  const configured = config.discovery.static.endpoints ?? found;
  return buildEndpoints(configured, endpointSettings(config, profiles, isSet));
}

function catalogOptions(
  { config, naming, profiles }: AppSettings,
  { clock }: AppSurroundings,
): ModelCatalogOptions {
  const { unification, enable_unifier } = config.model_registry;
  return {
    clock,
    staleAfterMs: unification.stale_threshold,
    cleanupIntervalMs: unification.cleanup_interval,
    ...(naming && { naming }),
    profiles,
    rules: { isMerging: enable_unifier, isUntaggedLatest: unification.untagged_is_latest },
  };
}

function discoverySettings({ config }: AppSettings): DiscoverySettings {
  const models = config.discovery.model_discovery;
  return {
    enabled: models.enabled,
    intervalMs: models.interval,
    timeoutMs: models.timeout,
    workers: models.concurrent_workers,
    retryAttempts: models.retry_attempts,
    retryBackoffMs: models.retry_backoff,
    removalGraceMs: models.removal_grace,
  };
}
