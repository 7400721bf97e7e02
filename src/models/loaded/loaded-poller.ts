import type { Endpoint } from "../../endpoints/endpoint.ts";
import { type EndpointStatus, isRoutable } from "../../endpoints/endpoint-status.ts";
import type { Clock } from "../../lib/clock.ts";
import type { FetchLike } from "../../lib/http-get.ts";
import type { Logger } from "../../lib/log.ts";
import type { LoadedModelsSource } from "../../profiles/profile.ts";
import { WorkSlots } from "../work-slots.ts";
import type { LoadedModel } from "./loaded-model.ts";
import { askLoadedModels, type LoadedAnswer, loadedSources } from "./read-loaded-models.ts";

/** What polling needs of the endpoint registry. */
export interface PolledRegistry {
  snapshot(): readonly {
    readonly endpoint: Endpoint;
    readonly health: { readonly status: EndpointStatus };
  }[];
  onStatusChange(
    listener: (change: { readonly endpoint: Endpoint; readonly to: EndpointStatus }) => void,
  ): () => void;
  onEndpointsReplaced(listener: () => void): () => void;
}

/** Of `LoadedModels`. */
export interface LoadedSink {
  accept(endpointName: string, models: readonly LoadedModel[], askedAt: number): void;
  forget(endpointName: string): void;
}

export interface LoadedPollerOptions {
  readonly registry: PolledRegistry;
  readonly loaded: LoadedSink;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly version: string;
  readonly fetch?: FetchLike;
}

/** What is remembered of one endpoint for as long as it stays usable. */
interface Progress {
  readonly url: string;
  readonly profileName: string;
  /** The one of several places that has answered. */
  source: LoadedModelsSource | undefined;
  isRunning: boolean;
  isAgainWanted: boolean;
  /** Set while news wait for their time. */
  cancelNews: (() => void) | undefined;
  failures: number;
  /** Monotonic; Infinity when there is nothing to ask. */
  nextAskAt: number;
  /** Monotonic: when it last began to say what it has. */
  heardAt: number;
}

const intervalMs = 10_000;
const longestIntervalMs = 5 * 60_000;
const timeoutMs = 2000;
const askedAtOnce = 4;
/** After so long without an answer nothing is known any more. */
const believedForMs = 60_000;
/** News of one endpoint make it asked no more often than this. */
const newsIntervalMs = 1000;
/** Timers fire a little early or late. */
const toleranceMs = 50;

/**
 * Asks every usable endpoint again and again what it has in memory. Only those kinds whose profile says where to ask.
 * One that does not know the question is not asked again until it comes back; one that fails, less and less often.
 */
export class LoadedPoller {
  readonly #options: LoadedPollerOptions;
  readonly #slots: WorkSlots;
  readonly #progress = new Map<string, Progress>();
  #controller = new AbortController();
  #unsubscribe: (() => void) | undefined;
  #cancelTimer: (() => void) | undefined;

  constructor(options: LoadedPollerOptions) {
    this.#options = options;
    this.#slots = new WorkSlots(askedAtOnce, 2 * timeoutMs, options.clock);
  }

  /** Asks what is usable now and begins to follow the endpoints. Calling it twice is harmless. */
  start(): void {
    if (this.#unsubscribe !== undefined) return;
    this.#controller = new AbortController();
    const { registry } = this.#options;
    const endStatus = registry.onStatusChange(({ endpoint, to }) => {
      const isFollowed = this.#progress.has(endpoint.name);
      this.#follow();
      if (to === "healthy" && isFollowed) this.#askNow(endpoint.name);
    });
    const endReplaced = registry.onEndpointsReplaced(() => this.#follow());
    this.#unsubscribe = () => {
      endStatus();
      endReplaced();
    };
    this.#follow();
    this.#schedule();
  }

  /** Gives up questions under way. */
  stop(): void {
    this.#unsubscribe?.();
    this.#unsubscribe = undefined;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#controller.abort();
    for (const name of this.#progress.keys()) this.#drop(name);
  }

  /** Something was loaded there: what had to go for it is worth knowing before the interval is over. */
  noteNews(endpointName: string): void {
    const progress = this.#progress.get(endpointName);
    if (progress === undefined || progress.cancelNews !== undefined) return;
    const sinceMs = this.#options.clock.now() - progress.heardAt;
    if (sinceMs >= newsIntervalMs) {
      this.#askNow(endpointName);
      return;
    }
    progress.cancelNews = this.#options.clock.after(newsIntervalMs - sinceMs, () => {
      progress.cancelNews = undefined;
      this.#askNow(endpointName);
    });
  }

  #schedule(): void {
    this.#cancelTimer = this.#options.clock.after(intervalMs, () => {
      this.#schedule();
      const now = this.#options.clock.now() + toleranceMs;
      for (const [name, progress] of this.#progress) {
        if (progress.nextAskAt <= now) this.#ask(name, progress);
      }
    });
  }

  /** Begins with endpoints that have become usable or another kind, and forgets those that are not usable any more. */
  #follow(): void {
    const unusable = new Set(this.#progress.keys());
    for (const { endpoint, health } of this.#options.registry.snapshot()) {
      if (!isRoutable(health.status) || loadedSources(endpoint).length === 0) continue;
      const { name, url, profile } = endpoint;
      unusable.delete(name);
      const known = this.#progress.get(name);
      if (known?.url === url && known.profileName === profile.name) continue;
      if (known !== undefined) this.#drop(name);
      const progress = newProgress(endpoint);
      this.#progress.set(name, progress);
      this.#ask(name, progress);
    }
    for (const name of unusable) this.#drop(name);
  }

  #drop(name: string): void {
    this.#progress.get(name)?.cancelNews?.();
    this.#progress.delete(name);
    this.#options.loaded.forget(name);
  }

  #askNow(name: string): void {
    const progress = this.#progress.get(name);
    if (progress === undefined || progress.nextAskAt === Number.POSITIVE_INFINITY) return;
    if (progress.isRunning) progress.isAgainWanted = true;
    else this.#ask(name, progress);
  }

  #ask(name: string, progress: Progress): void {
    if (progress.isRunning) return;
    progress.isRunning = true;
    const { signal } = this.#controller;
    // Nothing in it rejects.
    void this.#slots.run(async () => {
      const endpoint = this.#options.registry
        .snapshot()
        .find((state) => state.endpoint.name === name)?.endpoint;
      if (signal.aborted || endpoint === undefined || this.#progress.get(name) !== progress) return;
      const askedAt = this.#options.clock.now();
      const sources = progress.source === undefined ? loadedSources(endpoint) : [progress.source];
      const answer = await askLoadedModels(endpoint, sources, { ...this.#options, timeoutMs, signal });
      progress.isRunning = false;
      // Stopped, gone, or another endpoint under its name: the answer is about something that is no more.
      if (signal.aborted || this.#progress.get(name) !== progress) return;
      this.#settle(name, progress, answer, askedAt);
      if (!progress.isAgainWanted) return;
      progress.isAgainWanted = false;
      this.#askNow(name);
    });
  }

  #settle(name: string, progress: Progress, answer: LoadedAnswer, askedAt: number): void {
    const { loaded, clock, logger } = this.#options;
    if (answer.kind === "models") {
      progress.source = answer.source;
      progress.failures = 0;
      progress.heardAt = askedAt;
      progress.nextAskAt = askedAt + intervalMs;
      loaded.accept(name, answer.models, askedAt);
      return;
    }
    if (answer.kind !== "failed" || clock.now() - progress.heardAt >= believedForMs) loaded.forget(name);
    if (progress.failures === 0) {
      logger.debug(`Endpoint ${name} does not say which models it has in memory`, {
        endpoint: name,
        reason: answer.kind === "failed" ? answer.reason : answer.kind,
      });
    }
    // One that used to answer may have been replaced by something else, which another place knows.
    const isFinal = answer.kind === "absent" && progress.source === undefined;
    if (answer.kind !== "failed") progress.source = undefined;
    progress.failures += 1;
    const delayMs = Math.min(longestIntervalMs, intervalMs * 2 ** Math.min(progress.failures - 1, 10));
    progress.nextAskAt = isFinal ? Number.POSITIVE_INFINITY : clock.now() + delayMs;
  }
}

function newProgress({ url, profile }: Endpoint): Progress {
  return {
    url,
    profileName: profile.name,
    source: undefined,
    isRunning: false,
    isAgainWanted: false,
    cancelNews: undefined,
    failures: 0,
    nextAskAt: 0,
    heardAt: Number.NEGATIVE_INFINITY,
  };
}
