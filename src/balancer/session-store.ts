import { LRUCache } from "lru-cache";
import type { Clock } from "../lib/clock.ts";

export interface SessionStoreSettings {
  /** Sessions kept; the longest unused one goes first. 0 is no limit. */
  readonly maxSessions: number;
  /** A session is forgotten after so long without a lookup. 0 is never. */
  readonly idleTtlSeconds: number;
}

/** All counted since the start, but for `activeSessions`, which is now. */
export interface SessionStatistics {
  /** Without those that have expired. */
  readonly activeSessions: number;
  /** New sessions; one that moved to another endpoint is not new. */
  readonly insertions: number;
  /** Lookups that found a session, whether its endpoint could be used or not. */
  readonly hits: number;
  readonly misses: number;
  /** Expired, pushed out by newer ones, or purged with their endpoint. */
  readonly evictions: number;
  readonly maxSessions: number;
  readonly idleTtlSeconds: number;
}

/** Where a conversation is served: affinity key → place, an endpoint or one of its models, bounded in number and in time. */
export class SessionStore {
  readonly #clock: Clock;
  #settings: SessionStoreSettings;
  #sessions: LRUCache<string, string>;
  #sweptAt: number;
  #insertions = 0;
  #hits = 0;
  #misses = 0;
  #evictions = 0;

  constructor(settings: SessionStoreSettings, clock: Clock) {
    this.#settings = settings;
    this.#clock = clock;
    this.#sweptAt = clock.now();
    this.#sessions = this.#createCache(settings);
  }

  /** Other limits from now on. Sessions stay, the longest unused ones go where there are too many. */
  configure(settings: SessionStoreSettings): void {
    const { maxSessions, idleTtlSeconds } = this.#settings;
    if (settings.maxSessions === maxSessions && settings.idleTtlSeconds === idleTtlSeconds) return;
    this.#sweep();
    const held = [...this.#sessions.entries()];
    this.#settings = settings;
    this.#sessions = this.#createCache(settings);
    // The one used last comes first out of the old cache, and goes last into the new one.
    for (const [key, endpointName] of held.reverse()) this.#sessions.set(key, endpointName);
  }

  #createCache({ maxSessions, idleTtlSeconds }: SessionStoreSettings): LRUCache<string, string> {
    return new LRUCache({
      // Not `max`, which would allocate for all of them at once.
      maxSize: maxSessions === 0 ? Number.MAX_SAFE_INTEGER : maxSessions,
      sizeCalculation: () => 1,
      ttl: idleTtlSeconds * 1_000,
      updateAgeOnGet: true,
      // The library takes a start at 0 for "no start", and keeps a timer of its own unless the resolution is 0.
      perf: { now: () => this.#clock.now() + 1 },
      ttlResolution: 0,
      dispose: (_endpointName, _key, reason) => {
        if (reason !== "set") this.#evictions += 1;
      },
    });
  }

  /** The endpoint's name. Counted, and the session lives on for the whole idle time again. */
  lookUp(key: string): string | undefined {
    const endpointName = this.#sessions.get(key);
    if (endpointName === undefined) this.#misses += 1;
    else this.#hits += 1;
    return endpointName;
  }

  /** Like `lookUp`, without a trace. */
  peek(key: string): string | undefined {
    return this.#sessions.peek(key);
  }

  /** Writes or moves a session. */
  bind(key: string, endpointName: string): void {
    this.#sweepNowAndThen();
    // `get` and not `has`: one that has expired has to go first, to be counted as gone and as new.
    if (this.#sessions.get(key) === undefined) this.#insertions += 1;
    this.#sessions.set(key, endpointName);
  }

  /** Forgets every session whose endpoint does not pass. @returns how many those were */
  purgeEndpoints(isUsable: (endpointName: string) => boolean): number {
    const verdicts = new Map<string, boolean>();
    const doomed: string[] = [];
    this.#sessions.forEach((endpointName, key) => {
      const verdict = verdicts.get(endpointName) ?? isUsable(endpointName);
      verdicts.set(endpointName, verdict);
      if (!verdict) doomed.push(key);
    });
    for (const key of doomed) this.#sessions.delete(key);
    return doomed.length;
  }

  /** Sessions in memory, expired ones included. */
  get heldCount(): number {
    return this.#sessions.size;
  }

  statistics(): SessionStatistics {
    this.#sweep();
    return {
      activeSessions: this.#sessions.size,
      insertions: this.#insertions,
      hits: this.#hits,
      misses: this.#misses,
      evictions: this.#evictions,
      ...this.#settings,
    };
  }

  /** Expired sessions that nobody asks for again would stay for ever where there is no limit. */
  #sweepNowAndThen(): void {
    if (this.#clock.now() - this.#sweptAt >= this.#settings.idleTtlSeconds * 1_000) this.#sweep();
  }

  #sweep(): void {
    this.#sweptAt = this.#clock.now();
    if (this.#settings.idleTtlSeconds > 0) this.#sessions.purgeStale();
  }
}
