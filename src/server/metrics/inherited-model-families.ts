import { otherLabel } from "../../observe/label-counter.ts";
import type { ModelTotals } from "../../observe/model-counts.ts";
import type { PlaceTotals } from "../../observe/place-series.ts";
import { activeModels, averageOf, modelSuccessPercent, placeSuccessPercent } from "../routes/stats-models.ts";
import { counter, gauge, type MetricFamily, type MetricRow, type MetricSources, single } from "./family.ts";

const byModel = ["model"];
const byPlace = ["model", "endpoint"];

function perModel(read: (model: ModelTotals) => number) {
  return ({ stats }: MetricSources): readonly MetricRow<number>[] =>
    stats.models.list().map((model) => [[model.name], read(model)]);
}

function perPlace(read: (place: PlaceTotals) => number) {
  return ({ stats }: MetricSources): readonly MetricRow<number>[] =>
    stats.models.places().map((place) => [[place.model, place.endpoint], read(place)]);
}

/** The reference's names for models. They count requests, and attempts where an endpoint is named. */
export const inheritedModelFamilies: readonly MetricFamily[] = [
  gauge("olla_models_total", [], "Models that endpoints were asked for.", ({ stats }) =>
    single(stats.models.list().filter(({ name }) => name !== otherLabel).length),
  ),
  gauge("olla_models_active", [], "Those of the last hour.", ({ stats, clock }) =>
    single(activeModels(stats.models.list(), clock.wallTime()).length),
  ),
  gauge("olla_models_success_rate_percent", [], "Requests that succeeded; 0 without any.", ({ stats }) =>
    single(modelSuccessPercent(stats.models.sums())),
  ),
  counter("olla_models_requests_total", [], "Requests for a model.", ({ stats }) =>
    single(stats.models.sums().requests),
  ),
  counter("olla_models_traffic_bytes", [], "Bytes of answers.", ({ stats }) =>
    single(stats.models.sums().bytes),
  ),
  counter(
    "olla_model_requests_total",
    byModel,
    "Requests.",
    perModel((model) => model.requests),
  ),
  counter(
    "olla_model_successful_requests_total",
    byModel,
    "Answered below 400, and to the end.",
    perModel((model) => model.successes),
  ),
  counter(
    "olla_model_failed_requests_total",
    byModel,
    "The others, without those that were ended by their client or an operator.",
    perModel((model) => model.failures),
  ),
  counter(
    "olla_model_traffic_bytes",
    byModel,
    "Bytes of answers.",
    perModel((model) => model.bytes),
  ),
  counter(
    "olla_model_routing_hits_total",
    byModel,
    "Routed to where the model is.",
    perModel((model) => model.routingHits),
  ),
  counter(
    "olla_model_routing_misses_total",
    byModel,
    "Refused, because nobody usable has the model.",
    perModel((model) => model.routingMisses),
  ),
  counter(
    "olla_model_routing_fallbacks_total",
    byModel,
    "Routed to where the model is not known to be.",
    perModel((model) => model.routingFallbacks),
  ),
  gauge(
    "olla_model_success_rate_percent",
    byModel,
    "Requests that succeeded; 0 without any.",
    perModel(modelSuccessPercent),
  ),
  gauge(
    "olla_model_avg_latency_ms",
    byModel,
    "Mean time of successes.",
    perModel(({ latency }) => averageOf(latency)),
  ),
  gauge(
    "olla_model_p95_latency_ms",
    byModel,
    "95 % of successes since the start took no longer.",
    perModel(({ latency }) => latency?.quantile(0.95) ?? 0),
  ),
  gauge(
    "olla_model_p99_latency_ms",
    byModel,
    "99 % of successes since the start took no longer.",
    perModel(({ latency }) => latency?.quantile(0.99) ?? 0),
  ),
  gauge(
    "olla_model_unique_clients",
    byModel,
    "Different client addresses; an estimate above 128.",
    perModel((model) => model.uniqueClients),
  ),
  counter(
    "olla_model_endpoint_requests_total",
    byPlace,
    "Attempts.",
    perPlace((place) => place.attempts),
  ),
  gauge(
    "olla_model_endpoint_success_rate_percent",
    byPlace,
    "Attempts that the endpoint did not fail; 0 without any.",
    perPlace(placeSuccessPercent),
  ),
  gauge(
    "olla_model_endpoint_avg_latency_ms",
    byPlace,
    "Mean time of successful attempts.",
    perPlace(({ latency }) => averageOf(latency)),
  ),
  gauge(
    "olla_model_endpoint_consecutive_errors",
    byPlace,
    "Failed attempts since the last good one.",
    perPlace((place) => place.consecutiveErrors),
  ),
];
