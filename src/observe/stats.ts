import type { Clock } from "../lib/clock.ts";
import { isEndedByOthers } from "./attempt-outcome.ts";
import { type AttemptTotals, EndpointSeries, type FinishedAttempt, noAttempts } from "./endpoint-series.ts";
import { EventCounts } from "./event-counts.ts";
import { KeyCounts } from "./key-counts.ts";
import { ModelCounts } from "./model-counts.ts";
import type { SpellModel } from "./model-names.ts";
import type { AttemptRecord, Outcome } from "./outcome.ts";
import { OverheadTimes } from "./overhead-times.ts";
import { answerMsOf } from "./request-times.ts";
import { RouteCounts } from "./route-counts.ts";
import { SecurityCounts, type SecurityTotals } from "./security-counts.ts";
import { TokenCounts } from "./token-counts.ts";
import { TranslatorCounts } from "./translator-counts.ts";

export interface StatsOptions {
  /** Which names of models are real; every one that an endpoint was asked for, where it is missing. */
  readonly spellModel?: SpellModel;
}

const maxEndpointSeries = 1_000;

/**
 * Counts what happened, in memory, from process start. Every attempt counts once: a request that failed over is one
 * failure and one success. Any answer that arrived whole is a success, whatever its HTTP status. Requests refused
 * before an attempt count only as rejected. Requests, in contrast to attempts, count by route, model, key and API.
 */
export class Stats {
  readonly keys = new KeyCounts();
  readonly tokens = new TokenCounts();
  readonly translators = new TranslatorCounts();
  readonly routes = new RouteCounts();
  readonly models: ModelCounts;
  readonly overhead = new OverheadTimes();
  readonly events = new EventCounts();
  readonly #clock: Clock;
  readonly #all = new EndpointSeries();
  readonly #byEndpoint = new Map<string, EndpointSeries>();
  readonly #security = new SecurityCounts();
  readonly #hasSeries = (endpoint: string) => this.#seriesOf(endpoint) !== undefined;
  #retained: ReadonlySet<string> | undefined;
  #rejected = 0;

  constructor(clock: Clock, { spellModel = (_endpoint, model) => model }: StatsOptions = {}) {
    this.#clock = clock;
    this.models = new ModelCounts(spellModel);
  }

  recordAttempt(attempt: FinishedAttempt): void {
    const now = this.#clock.wallTime();
    this.#all.add(attempt, now);
    this.#seriesOf(attempt.endpoint)?.add(attempt, now);
  }

  /** Called once for each request. An attempt that was ended from here before an answer counts for nobody. */
  recordOutcome(outcome: Outcome): void {
    this.translators.add(outcome);
    this.keys.add(outcome);
    this.routes.add(outcome);
    const last = outcome.attempts.at(-1);
    for (const attempt of outcome.attempts) {
      if (isEndedByOthers(attempt)) continue;
      if (attempt === last && isAnswer(attempt, outcome)) this.#recordAnswer(attempt, outcome);
      else this.recordAttempt({ endpoint: attempt.endpoint, isSuccess: false, latencyMs: 0, bytes: 0 });
    }
    const model = this.models.add(outcome, this.#clock.wallTime(), this.#hasSeries);
    this.overhead.add(outcome, this.#hasSeries);
    this.events.add(outcome, model, this.#hasSeries);
    if (outcome.usage !== undefined && last !== undefined) {
      const hasSeries = this.#byEndpoint.has(last.endpoint);
      this.tokens.add(hasSeries ? last.endpoint : undefined, last.model, outcome.usage);
    }
    this.#recordRejection(outcome);
  }

  /** A circuit breaker has changed. */
  noteTransition({ endpoint, to }: { readonly endpoint: string; readonly to: string }): void {
    if (this.#retained?.has(endpoint) !== false) this.events.transitions.add(endpoint, to);
  }

  /** Call when the set of endpoints changes: the others' series go, and what still ends there counts in total only. */
  retainEndpoints(names: Iterable<string>): void {
    const retained = new Set(names);
    this.#retained = retained;
    this.tokens.retainEndpoints(retained);
    this.models.retainEndpoints(retained);
    this.overhead.retainEndpoints(retained);
    this.events.retainEndpoints(retained);
    for (const name of this.#byEndpoint.keys()) {
      if (!retained.has(name)) this.#byEndpoint.delete(name);
    }
  }

  endpoint(name: string): AttemptTotals {
    return this.#byEndpoint.get(name)?.totals() ?? noAttempts;
  }

  /** Failed attempts at the endpoint since the last that succeeded. */
  errorsInRow(name: string): number {
    return this.#byEndpoint.get(name)?.errorsInRow ?? 0;
  }

  totals(): AttemptTotals {
    return this.#all.totals();
  }

  /** Requests that were refused before any attempt. */
  rejectedRequests(): number {
    return this.#rejected;
  }

  security(): SecurityTotals {
    return this.#security.totals(this.#clock.now());
  }

  #recordAnswer(attempt: AttemptRecord, outcome: Outcome): void {
    const { ending } = outcome;
    this.recordAttempt({
      endpoint: attempt.endpoint,
      isSuccess: ending === "complete" || ending === "client-abort" || ending === "cancelled",
      latencyMs: answerMsOf(attempt.durationMs, outcome),
      bytes: outcome.responseBytes,
    });
  }

  #recordRejection({ error, attempts, clientAddress }: Outcome): void {
    if (error === undefined || attempts.length > 0) return;
    if (error.code === "client_abort" || error.code === "cancelled") return;
    this.#rejected += 1;
    this.events.rejections.add(error.code);
    this.#security.add(error.code, clientAddress, this.#clock.now());
  }

  #seriesOf(endpoint: string): EndpointSeries | undefined {
    const known = this.#byEndpoint.get(endpoint);
    if (known !== undefined) return known;
    if (this.#retained !== undefined && !this.#retained.has(endpoint)) return undefined;
    if (this.#byEndpoint.size >= maxEndpointSeries) return undefined;
    const series = new EndpointSeries();
    this.#byEndpoint.set(endpoint, series);
    return series;
  }
}

/** Whether the attempt's answer went to the client, and did not merely lead to the next endpoint. */
function isAnswer(attempt: AttemptRecord, outcome: Outcome): boolean {
  return attempt.error === undefined && outcome.endpoint === attempt.endpoint;
}
