import { type AttemptOutcome, attemptOutcomeOf, isAnswered } from "./attempt-outcome.ts";
import { type Histogram, type HistogramView, observed } from "./histogram.ts";
import { durationLayout } from "./histogram-layouts.ts";
import { otherLabel } from "./label-counter.ts";
import { ModelNames, noModel, type SpellModel } from "./model-names.ts";
import type { AttemptRecord, Outcome } from "./outcome.ts";
import { PlaceSeries, type PlaceTotals } from "./place-series.ts";
import { type RequestResult, resultOf } from "./request-result.ts";
import { answerMsOf, timePerTokenOf, upstreamTtftOf } from "./request-times.ts";
import { UniqueClients } from "./unique-clients.ts";

/** What became of the requests that a model was asked for. Goes on counting: read what you need at once. */
export interface ModelTotals {
  readonly name: string;
  /** Those that were sent to an endpoint at all. */
  readonly requests: number;
  /** Answered below 400, and to the end. */
  readonly successes: number;
  /** The others, but for those that somebody ended. */
  readonly failures: number;
  readonly bytes: number;
  /** From arrival to end, of successes; undefined without one. */
  readonly latency: HistogramView | undefined;
  /** Different addresses; an estimate where there are many. */
  readonly uniqueClients: number;
  readonly routingHits: number;
  readonly routingMisses: number;
  readonly routingFallbacks: number;
  /** Milliseconds since the epoch; undefined without a request. */
  readonly lastRequestedAt: number | undefined;
}

export type ModelSums = Pick<ModelTotals, "requests" | "successes" | "failures" | "bytes">;

const maxPlaces = 1_000;

/**
 * Counts by the model that endpoints were asked for, and by model and endpoint, from process start. A place goes with its
 * endpoint, a model with its last place.
 */
export class ModelCounts {
  readonly #names: ModelNames;
  readonly #models = new Map<string, ModelSeries>();
  readonly #places = new Map<string, Map<string, PlaceSeries>>();
  readonly #sums = { requests: 0, successes: 0, failures: 0, bytes: 0 };
  #placeCount = 0;

  constructor(spell: SpellModel) {
    this.#names = new ModelNames(spell);
  }

  /**
   * Called once for each request.
   * @param hasSeries whether the endpoint is one of those that are kept apart
   * @returns the name under which the request counts
   */
  add(outcome: Outcome, now: number, hasSeries: (endpoint: string) => boolean): string {
    let asked: string | undefined;
    for (const attempt of outcome.attempts) {
      const kind = attemptOutcomeOf(attempt, outcome);
      const isKept = hasSeries(attempt.endpoint);
      asked = isKept
        ? this.#names.admit(attempt.endpoint, attempt.model, isBelow400(attempt))
        : this.#knownName(attempt.model);
      if (isKept) this.#addAttempt(attempt, outcome, kind, asked, now);
    }
    if (asked !== undefined && asked !== noModel) this.#addRequest(asked, outcome, now);
    // A name that led to no attempt may be anything, so it counts only where it is known for good.
    const name = asked ?? this.#knownName(outcome.model);
    if (outcome.decision !== undefined && name !== noModel) {
      this.#modelOf(name).addRouting(outcome.decision.action);
    }
    return name;
  }

  /** The busiest first. */
  list(): readonly ModelTotals[] {
    return [...this.#models.values()].sort(
      (left, right) => right.requests - left.requests || (left.name < right.name ? -1 : 1),
    );
  }

  /** By endpoint, then by model. */
  places(): readonly PlaceTotals[] {
    return [...this.#places.values()]
      .flatMap((places) => [...places.values()])
      .sort((left, right) => compare(left.endpoint, right.endpoint) || compare(left.model, right.model));
  }

  /** Of all models, those that are gone too. */
  sums(): ModelSums {
    return { ...this.#sums };
  }

  /** The name under which this model's figures are, for what is counted elsewhere. */
  labelOf(model: string): string {
    return this.#names.known(model);
  }

  retainEndpoints(names: ReadonlySet<string>): void {
    for (const [endpoint, places] of this.#places) {
      if (names.has(endpoint)) continue;
      this.#placeCount -= places.size;
      this.#places.delete(endpoint);
    }
    const left = new Set<string>();
    for (const places of this.#places.values()) for (const model of places.keys()) left.add(model);
    for (const model of this.#models.keys()) {
      if (!left.has(model) && model !== otherLabel) this.#models.delete(model);
    }
    this.#names.retain(left);
  }

  #knownName(model: string | undefined): string {
    return model === undefined ? noModel : this.#names.known(model);
  }

  #addAttempt(
    attempt: AttemptRecord,
    outcome: Outcome,
    kind: AttemptOutcome,
    model: string,
    now: number,
  ): void {
    const place = this.#placeOf(attempt.endpoint, model);
    place.add(kind, now);
    if (!isAnswered(attempt, outcome) || !isBelow400(attempt)) return;
    place.observe(
      kind === "ok" ? answerMsOf(attempt.durationMs, outcome) : undefined,
      upstreamTtftOf(outcome),
      kind === "ok" ? timePerTokenOf(outcome) : undefined,
    );
  }

  #addRequest(name: string, outcome: Outcome, now: number): void {
    const result = resultOf(outcome);
    this.#modelOf(name).add(outcome, result, now);
    this.#sums.requests += 1;
    this.#sums.bytes += outcome.responseBytes;
    if (result === "success") this.#sums.successes += 1;
    if (result === "failure") this.#sums.failures += 1;
  }

  #modelOf(name: string): ModelSeries {
    const known = this.#models.get(name);
    if (known !== undefined) return known;
    const series = new ModelSeries(name);
    this.#models.set(name, series);
    return series;
  }

  #placeOf(endpoint: string, model: string): PlaceSeries {
    const places = this.#places.get(endpoint) ?? new Map<string, PlaceSeries>();
    if (places.size === 0) this.#places.set(endpoint, places);
    const known = places.get(model);
    if (known !== undefined) return known;
    // One more for each endpoint, which are few.
    if (this.#placeCount >= maxPlaces && model !== otherLabel) return this.#placeOf(endpoint, otherLabel);
    const place = new PlaceSeries(endpoint, model);
    places.set(model, place);
    this.#placeCount += 1;
    return place;
  }
}

class ModelSeries implements ModelTotals {
  readonly name: string;
  readonly #clients = new UniqueClients();
  requests = 0;
  successes = 0;
  failures = 0;
  bytes = 0;
  latency: Histogram | undefined;
  routingHits = 0;
  routingMisses = 0;
  routingFallbacks = 0;
  lastRequestedAt: number | undefined;

  constructor(name: string) {
    this.name = name;
  }

  get uniqueClients(): number {
    return this.#clients.count();
  }

  add(outcome: Outcome, result: RequestResult, now: number): void {
    this.requests += 1;
    this.bytes += outcome.responseBytes;
    this.lastRequestedAt = now;
    this.#clients.add(outcome.clientAddress);
    if (result === "failure") this.failures += 1;
    if (result !== "success") return;
    this.successes += 1;
    this.latency = observed(this.latency, durationLayout, outcome.durationMs);
  }

  addRouting(action: "routed" | "fallback" | "rejected"): void {
    if (action === "routed") this.routingHits += 1;
    else if (action === "fallback") this.routingFallbacks += 1;
    else this.routingMisses += 1;
  }
}

function isBelow400({ status }: AttemptRecord): boolean {
  return status !== undefined && status < 400;
}

function compare(left: string, right: string): number {
  if (left === right) return 0;
  return left < right ? -1 : 1;
}
