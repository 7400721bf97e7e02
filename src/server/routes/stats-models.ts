import type { MiddlewareHandler } from "hono";
import { displayBytes } from "../../models/listings/display-text.ts";
import type { HistogramView } from "../../observe/histogram.ts";
import { otherLabel } from "../../observe/label-counter.ts";
import type { ModelTotals } from "../../observe/model-counts.ts";
import type { PlaceTotals } from "../../observe/place-series.ts";
import type { ServerDependencies } from "../dependencies.ts";
import type { DirectEnv } from "../direct-env.ts";
import { formatAgo, formatLatency, formatPercent, formatTime } from "../format-text.ts";
import { successPercent } from "./status.ts";

export interface ModelStatisticsQuery {
  readonly includeEndpoints: boolean;
  readonly includeSummary: boolean;
}

type ModelSources = Pick<ServerDependencies, "stats" | "clock" | "endpoints">;

const activeMs = 60 * 60_000;

/** Zod is loaded by the first who asks. */
export const checkModelStatisticsQuery: MiddlewareHandler<
  DirectEnv,
  string,
  { out: { query: ModelStatisticsQuery } }
> = async (c, next) => {
  const { modelStatisticsQueryValidator } = await import("./stats-models-query.ts");
  return modelStatisticsQueryValidator(c, next);
};

/** `GET /internal/stats/models`: by the model that endpoints were asked for, the busiest first. */
export function renderModelStatistics(
  { includeEndpoints, includeSummary }: ModelStatisticsQuery,
  sources: ModelSources,
): object {
  const { stats, clock } = sources;
  const now = clock.wallTime();
  const models = stats.models.list();
  const places = includeEndpoints ? Map.groupBy(stats.models.places(), ({ model }) => model) : undefined;
  return {
    timestamp: formatTime(now),
    endpoints: includeSummary ? renderEndpoints(sources, now) : {},
    models: models.map((model) => ({
      ...renderModel(model, now),
      ...(places && { endpoint_breakdown: renderPlaces(places.get(model.name) ?? [], now) }),
    })),
    summary: renderSummary(models, sources, now),
  };
}

/** 0 to 100; 0 without a request. Those that were ended from here or by their client say nothing. */
export function modelSuccessPercent({
  successes,
  failures,
}: Pick<ModelTotals, "successes" | "failures">): number {
  return successes + failures === 0 ? 0 : (successes / (successes + failures)) * 100;
}

/** 0 to 100; 0 without an attempt. */
export function placeSuccessPercent({ attempts, failures }: PlaceTotals): number {
  return attempts === 0 ? 0 : ((attempts - failures) / attempts) * 100;
}

/** Milliseconds; 0 without a value. */
export function averageOf(histogram: HistogramView | undefined): number {
  return histogram === undefined || histogram.count === 0 ? 0 : histogram.sum / histogram.count;
}

/** Those with a name, and asked for within the last hour. */
export function activeModels(models: readonly ModelTotals[], now: number): readonly ModelTotals[] {
  return models.filter(
    ({ name, lastRequestedAt }) =>
      name !== otherLabel && lastRequestedAt !== undefined && now - lastRequestedAt <= activeMs,
  );
}

function renderModel(model: ModelTotals, now: number): object {
  const { latency } = model;
  return {
    name: model.name,
    total_requests: model.requests,
    successful_requests: model.successes,
    failed_requests: model.failures,
    success_rate: formatPercent(modelSuccessPercent(model)),
    average_latency: formatLatency(averageOf(latency)),
    p95_latency: formatLatency(latency?.quantile(0.95) ?? 0),
    p99_latency: formatLatency(latency?.quantile(0.99) ?? 0),
    total_traffic: displayBytes(model.bytes),
    unique_clients: model.uniqueClients,
    last_requested: formatAgo(model.lastRequestedAt, now),
    routing_hits: model.routingHits,
    routing_misses: model.routingMisses,
    routing_fallbacks: model.routingFallbacks,
  };
}

function renderPlaces(places: readonly PlaceTotals[], now: number): object {
  return Object.fromEntries(
    places.map((place) => [
      place.endpoint,
      {
        endpoint_name: place.endpoint,
        request_count: place.attempts,
        success_rate: placeSuccessPercent(place),
        average_latency: formatLatency(averageOf(place.latency)),
        last_used: formatAgo(place.lastUsedAt, now),
        consecutive_errors: place.consecutiveErrors,
      },
    ]),
  );
}

function renderEndpoints({ endpoints, stats }: ModelSources, now: number): object {
  const used = endpoints.snapshot().flatMap(({ endpoint: { name } }) => {
    const totals = stats.endpoint(name);
    return totals.lastUsedAt === undefined ? [] : [{ name, totals }];
  });
  return Object.fromEntries(
    used.map(({ name, totals }) => [
      name,
      {
        endpoint_name: name,
        request_count: totals.requests,
        success_rate: successPercent(totals) ?? 0,
        average_latency: formatLatency(totals.averageLatencyMs ?? 0),
        last_used: formatAgo(totals.lastUsedAt, now),
        consecutive_errors: stats.errorsInRow(name),
      },
    ]),
  );
}

function renderSummary(models: readonly ModelTotals[], { stats }: ModelSources, now: number): object {
  const named = models.filter(({ name }) => name !== otherLabel);
  const sums = stats.models.sums();
  return {
    total_models: named.length,
    active_models: activeModels(models, now).length,
    total_requests: sums.requests,
    overall_success_rate: formatPercent(modelSuccessPercent(sums)),
    total_traffic: displayBytes(sums.bytes),
    most_popular_model: named[0]?.name ?? "",
    least_popular_model: named.at(-1)?.name ?? "",
  };
}
