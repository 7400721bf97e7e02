import { isDeepStrictEqual } from "node:util";
import type { Endpoint } from "../endpoints/endpoint.ts";
import { type EndpointStatus, isRoutable } from "../endpoints/endpoint-status.ts";
import type { Clock } from "../lib/clock.ts";
import type { FetchLike } from "../lib/http-get.ts";
import type { Logger } from "../lib/log.ts";
import type { Profile } from "../profiles/profile.ts";
import type { ProfileSet } from "../profiles/profile-set.ts";
import type { ModelCatalog } from "./catalog.ts";
import type { DetectedKind } from "./detect-kind.ts";
import { describeFailure, logModelChange } from "./discovery-log.ts";
import { EmptyList } from "./empty-list.ts";
import { ModelFetchError } from "./fetch-model-list.ts";
import { readEndpointList } from "./read-endpoint-list.ts";
import { RemovalGrace } from "./removal-grace.ts";
import { WorkSlots } from "./work-slots.ts";

export interface DiscoverySettings {
  /** False: nothing is ever asked, and the catalog stays empty. */
  readonly enabled: boolean;
  readonly intervalMs: number;
  /** For one endpoint's run, retries included. */
  readonly timeoutMs: number;
  /** Endpoints asked at once. */
  readonly workers: number;
  /** Tries in all, the first included. */
  readonly retryAttempts: number;
  /** Before the second try; doubles with each further one. */
  readonly retryBackoffMs: number;
  /** For models that a list no longer has; 0: they leave with that list. */
  readonly removalGraceMs: number;
}

/** What discovery needs of the endpoint registry. */
export interface DiscoveryRegistry {
  snapshot(): readonly {
    readonly endpoint: Endpoint;
    readonly health: { readonly status: EndpointStatus };
  }[];
  onStatusChange(listener: () => void): () => void;
  replaceEndpoint(endpoint: Endpoint): void;
}

export interface ModelDiscoveryOptions {
  readonly registry: DiscoveryRegistry;
  readonly catalog: ModelCatalog;
  readonly profiles: ProfileSet;
  /** The record of an endpoint whose kind has been found: `BuiltEndpoints.withProfile`. */
  readonly withProfile: (endpoint: Endpoint, found: Profile) => Endpoint;
  readonly settings: DiscoverySettings;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly version: string;
  readonly fetch?: FetchLike;
}

/** What is remembered of one endpoint between its runs. */
interface Progress {
  readonly url: string;
  status: EndpointStatus;
  running: Promise<void> | undefined;
  /** It came back while a run was under way that may have begun before. */
  isRunAgainWanted: boolean;
  consecutiveFailures: number;
  /** Left out of most interval runs. */
  isSuspended: boolean;
  lastFailure: string | undefined;
  hasList: boolean;
  /** Its kind was found out, so it may be found out anew. */
  isAuto: boolean;
  readonly grace: RemovalGrace;
  readonly emptyList: EmptyList;
  /** It was away, and may have come back as something else. */
  isKindDoubted: boolean;
}

const failuresBeforeSuspension = 5;
const failuresBeforeNewDetection = 3;
/** Suspended endpoints take part in every so many interval runs. */
const suspendedEvery = 6;
/** Milliseconds after which an endpoint that has not answered no longer keeps others waiting. */
const slotPatienceMs = 2000;

/**
 * Keeps the catalog in step with the endpoints: asks each for its models when it becomes usable and at every
 * interval. Endpoints are asked independently; a failed run leaves the endpoint's last list as it is.
 */
export class ModelDiscovery {
  #options: ModelDiscoveryOptions;
  #slots: WorkSlots;
  readonly #progress = new Map<string, Progress>();
  #stopped = new AbortController();
  #cancelTimer: (() => void) | undefined;
  #unsubscribe: (() => void) | undefined;
  #intervalRuns = 0;
  #isStarted = false;
  #openKinds: ReadonlySet<string> = new Set();

  constructor(options: ModelDiscoveryOptions) {
    this.#options = options;
    this.#slots = new WorkSlots(options.settings.workers, slotPatienceMs, options.clock);
  }

  /** Asks what is usable now and begins to follow the endpoints. Calling it twice is harmless. */
  start(): void {
    this.#isStarted = true;
    if (!this.#options.settings.enabled || this.#unsubscribe !== undefined) return;
    if (this.#stopped.signal.aborted) this.#stopped = new AbortController();
    this.#unsubscribe = this.#options.registry.onStatusChange(() => this.#followStatuses());
    this.#followStatuses();
    this.#schedule();
  }

  /**
   * Other settings from now on, and perhaps other endpoints: those that are gone lose their models, and where the settings
   * are not the same all are asked anew. Until they have answered the catalog keeps what it has, unless discovery is off.
   * @param openKinds names of the endpoints whose kind is to be found out, found or not
   */
  configure(settings: DiscoverySettings, profiles: ProfileSet, openKinds: ReadonlySet<string>): void {
    const isSame = isDeepStrictEqual(settings, this.#options.settings);
    this.#options = { ...this.#options, profiles, settings };
    this.#openKinds = openKinds;
    const names = new Set(this.#options.registry.snapshot().map(({ endpoint }) => endpoint.name));
    for (const [name, progress] of this.#progress) {
      if (!names.has(name) || !settings.enabled) this.#forget(name, progress);
      else progress.isAuto = openKinds.has(name);
    }
    if (isSame) return;
    const wasStarted = this.#isStarted;
    this.stop();
    this.#progress.clear();
    this.#slots = new WorkSlots(settings.workers, slotPatienceMs, this.#options.clock);
    if (wasStarted) this.start();
  }

  /** Gives up runs under way; the catalog keeps what it has. */
  stop(): void {
    this.#isStarted = false;
    this.#unsubscribe?.();
    this.#unsubscribe = undefined;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    for (const { grace, emptyList } of this.#progress.values()) {
      grace.clear();
      emptyList.clear();
    }
    this.#stopped.abort();
  }

  /** Asks every usable endpoint, suspended ones included; resolves when all have answered or failed. Never rejects. */
  async refreshAll(): Promise<void> {
    await this.#refreshWhere(() => true);
  }

  /** Asks one endpoint, or joins its run under way. Does nothing for one that is not usable. Never rejects. */
  refresh(endpointName: string): Promise<void> {
    const endpoint = this.#usableEndpoint(endpointName);
    if (endpoint === undefined || !this.#options.settings.enabled) return Promise.resolve();
    const progress = this.#progressOf(endpoint, "healthy");
    progress.running ??= this.#run(endpointName, progress);
    return progress.running;
  }

  /**
   * The endpoint has refused a request because it has no such model, although it was in its list. A model that was kept
   * without being listed leaves at once; one that was listed, with the list that is asked for now.
   */
  noteMissing(endpointName: string, modelName: string | undefined): void {
    const { catalog, logger } = this.#options;
    const grace = this.#progress.get(endpointName)?.grace;
    const native =
      modelName === undefined
        ? undefined
        : catalog.placesOf(modelName).find((place) => place.endpointName === endpointName)?.model.name;
    if (grace !== undefined && native !== undefined) {
      if (grace.isMissing(native)) {
        catalog.removeModel(endpointName, native);
        const fields = { endpoint: endpointName, removed: [native] };
        logger.info(`Endpoint ${endpointName} no longer has ${native}`, fields);
      }
      grace.deny(native);
    }
    void this.refresh(endpointName);
  }

  async #refreshWhere(isWanted: (progress: Progress) => boolean): Promise<void> {
    const runs: Promise<void>[] = [];
    for (const { endpoint, health } of this.#options.registry.snapshot()) {
      if (isWanted(this.#progressOf(endpoint, health.status))) runs.push(this.refresh(endpoint.name));
    }
    await Promise.all(runs);
  }

  #schedule(): void {
    this.#cancelTimer = this.#options.clock.after(this.#options.settings.intervalMs, () => {
      this.#intervalRuns += 1;
      this.#followStatuses();
      const withSuspended = this.#intervalRuns % suspendedEvery === 0;
      void this.#refreshWhere((progress) => withSuspended || !progress.isSuspended);
      this.#schedule();
    });
  }

  /** Asks endpoints that have become usable since the last look, and forgets those that are gone. */
  #followStatuses(): void {
    const entries = this.#options.registry.snapshot();
    const gone = new Set(this.#progress.keys());
    for (const { endpoint, health } of entries) {
      gone.delete(endpoint.name);
      const progress = this.#progressOf(endpoint, "unknown");
      const before = progress.status;
      progress.status = health.status;
      if (!isRoutable(health.status) || before === health.status) continue;
      // A backend that answers probes may still be loading: if its list failed then, ask when it is healthy.
      const isMissing =
        health.status === "healthy" && (!progress.hasList || progress.consecutiveFailures > 0);
      if (isRoutable(before) && !isMissing) continue;
      if (!isRoutable(before)) progress.isKindDoubted = true;
      if (progress.running !== undefined) progress.isRunAgainWanted = true;
      void this.refresh(endpoint.name);
    }
    for (const name of gone) {
      const progress = this.#progress.get(name);
      if (progress !== undefined) this.#forget(name, progress);
    }
  }

  #forget(name: string, progress: Progress): void {
    progress.grace.clear();
    progress.emptyList.clear();
    this.#progress.delete(name);
    this.#options.catalog.forget(name);
  }

  #progressOf(endpoint: Endpoint, status: EndpointStatus): Progress {
    let progress = this.#progress.get(endpoint.name);
    if (progress?.url !== endpoint.url) {
      // Another address under a known name is another endpoint.
      if (progress !== undefined) this.#forget(endpoint.name, progress);
      const { clock, settings } = this.#options;
      progress = {
        url: endpoint.url,
        status,
        running: undefined,
        isRunAgainWanted: false,
        consecutiveFailures: 0,
        isSuspended: false,
        lastFailure: undefined,
        hasList: false,
        isAuto: endpoint.isAutoDetected || this.#openKinds.has(endpoint.name),
        isKindDoubted: false,
        grace: new RemovalGrace({
          graceMs: settings.removalGraceMs,
          clock,
          onOver: () => void this.refresh(endpoint.name),
        }),
        emptyList: new EmptyList({
          intervalMs: settings.intervalMs,
          clock,
          onDue: () => void this.refresh(endpoint.name),
        }),
      };
      this.#progress.set(endpoint.name, progress);
    }
    return progress;
  }

  #usableEndpoint(name: string): Endpoint | undefined {
    const entry = this.#options.registry.snapshot().find(({ endpoint }) => endpoint.name === name);
    return entry !== undefined && isRoutable(entry.health.status) ? entry.endpoint : undefined;
  }

  async #run(name: string, progress: Progress): Promise<void> {
    const { signal } = this.#stopped;
    do {
      progress.isRunAgainWanted = false;
      const endpoint = this.#usableEndpoint(name);
      if (endpoint === undefined) break;
      try {
        const { isAuto } = progress;
        const isDoubted =
          progress.isKindDoubted || progress.consecutiveFailures >= failuresBeforeNewDetection;
        const list = await this.#slots.run(() =>
          readEndpointList(endpoint, {
            ...this.#options,
            ...this.#options.settings,
            isAuto,
            mustDetect: isAuto && isDoubted,
            signal,
          }),
        );
        const { catalog } = this.#options;
        const models = catalog.sharedList(list.profile.name, list.models);
        await catalog.describeAhead(list.profile.name, models);
        if (signal.aborted) break;
        this.#accept(endpoint, { ...list, models }, progress);
        if (!progress.isRunAgainWanted) progress.isKindDoubted = false;
        progress.isRunAgainWanted = false;
      } catch (error) {
        if (signal.aborted) break;
        this.#noteFailure(name, error, progress);
      }
    } while (progress.isRunAgainWanted);
    progress.running = undefined;
  }

  #accept(endpoint: Endpoint, list: DetectedKind, progress: Progress): void {
    const { registry, catalog, logger, withProfile } = this.#options;
    const current = this.#usableEndpoint(endpoint.name) ?? endpoint;
    if (current.url !== endpoint.url) return;
    if (current.isAutoDetected || current.profile.name !== list.profile.name) {
      registry.replaceEndpoint(withProfile(current, list.profile));
      const before = current.isAutoDetected ? undefined : current.profile;
      const change = before === undefined ? "" : ` now; it was ${before.displayName}`;
      logger.info(`Endpoint ${endpoint.name} is ${list.profile.displayName}${change}`, {
        endpoint: endpoint.name,
        type: list.profile.name,
        type_before: before?.name,
      });
    }
    const listed = list.models.filter((model) => current.admitsModel(model.name));
    const isFirst = !progress.hasList || progress.lastFailure !== undefined;
    const before = catalog.modelsAt(endpoint.name);
    const isSameKind = current.profile.name === list.profile.name;
    if (!isSameKind) progress.grace.clear();
    const kept = progress.grace.keepMissing(
      isSameKind ? before.filter((model) => current.admitsModel(model.name)) : [],
      listed,
    );
    const models = [...listed, ...kept];
    progress.emptyList.note(list.models.length === 0);
    catalog.replaceModels(endpoint.name, list.profile.name, models);
    progress.consecutiveFailures = 0;
    progress.isSuspended = false;
    progress.lastFailure = undefined;
    progress.hasList = true;
    logModelChange(logger, endpoint.name, {
      before,
      models,
      kept,
      isFirst,
      filteredCount: list.models.length - listed.length,
    });
  }

  #noteFailure(name: string, error: unknown, progress: Progress): void {
    const reason = describeFailure(error);
    progress.consecutiveFailures += 1;
    progress.isSuspended =
      progress.consecutiveFailures >= failuresBeforeSuspension ||
      (error instanceof ModelFetchError && (error.fault === "client-status" || error.fault === "redirect"));
    const isNews = progress.lastFailure !== reason;
    progress.lastFailure = reason;
    const consequence = progress.isSuspended
      ? `; asked again at every ${suspendedEvery}th interval only`
      : "";
    this.#options.logger[isNews ? "warn" : "debug"](
      `Could not read the models of endpoint ${name}: ${reason}${consequence}`,
      { endpoint: name, reason, consecutive_failures: progress.consecutiveFailures },
    );
  }
}
