import { attemptOutcomes } from "../../observe/attempt-outcome.ts";
import type { HistogramView } from "../../observe/histogram.ts";
import type { LabelCounter } from "../../observe/label-counter.ts";
import { otherLabel } from "../../observe/label-counter.ts";
import type { PlaceTotals } from "../../observe/place-series.ts";
import type { TokensAtPlace } from "../../observe/token-counts.ts";
import { counter, histogram, type MetricFamily, type MetricRow, type MetricSources } from "./family.ts";

type Events = MetricSources["stats"]["events"];

function events(pick: (events: Events) => LabelCounter) {
  return ({ stats }: MetricSources): readonly MetricRow<number>[] =>
    pick(stats.events)
      .list()
      .map(({ labels, count }) => [labels, count]);
}

function placeTimes(pick: (place: PlaceTotals) => HistogramView | undefined) {
  return ({ stats }: MetricSources): readonly MetricRow<HistogramView>[] =>
    stats.models.places().flatMap((place): MetricRow<HistogramView>[] => {
      const times = pick(place);
      return times === undefined ? [] : [[[place.endpoint, place.model], times]];
    });
}

function routeDurations({ stats }: MetricSources): readonly MetricRow<HistogramView>[] {
  return stats.routes
    .list()
    .flatMap(({ route, plain, streamed }): MetricRow<HistogramView>[] => [
      ...(plain === undefined ? [] : [[[route, "false"], plain] as const]),
      ...(streamed === undefined ? [] : [[[route, "true"], streamed] as const]),
    ]);
}

/** Names that have no series of their own are added up under `other`. */
function tokens({ stats }: MetricSources): readonly MetricRow<number>[] {
  const sums = new Map<string, { readonly labels: readonly string[]; value: number }>();
  const add = ({ endpoint, model }: TokensAtPlace, type: string, value: number) => {
    const labels = [endpoint, model === undefined ? otherLabel : stats.models.labelOf(model), type];
    const key = labels.join("\0");
    const known = sums.get(key);
    if (known === undefined) sums.set(key, { labels, value });
    else known.value += value;
  };
  for (const place of stats.tokens.list()) {
    add(place, "input", place.input);
    add(place, "output", place.output);
    add(place, "cache_read", place.cached);
    add(place, "reasoning", place.reasoning);
  }
  return [...sums.values()].map(({ labels, value }) => [labels, value]);
}

/** What requests and attempts came to. */
export const trafficFamilies: readonly MetricFamily[] = [
  counter(
    "olla_http_requests_total",
    ["route", "method", "code"],
    "Requests that have ended, by the route they came in by and the class of their status.",
    ({ stats }) =>
      stats.routes
        .list()
        .flatMap(({ route, requests }) =>
          requests.map(({ method, code, count }): MetricRow<number> => [[route, method, code], count]),
        ),
  ),
  histogram(
    "olla_http_request_duration_seconds",
    ["route", "stream"],
    "From a request's arrival to the end of its answer; successes only.",
    routeDurations,
  ),
  histogram(
    "olla_http_time_to_first_token_seconds",
    ["route"],
    "From a streamed request's arrival to the first byte for the client, waiting and failovers included.",
    ({ stats }) =>
      stats.routes
        .list()
        .flatMap(({ route, ttft }): MetricRow<HistogramView>[] =>
          ttft === undefined ? [] : [[[route], ttft]],
        ),
  ),
  counter(
    "olla_request_endings_total",
    ["ending"],
    "How requests ended: `client-abort` is a client that left, `cancelled` an operator.",
    events((all) => all.endings),
  ),
  counter(
    "olla_rejected_requests_total",
    ["reason"],
    "Requests that were refused before any attempt, by the error's code.",
    events((all) => all.rejections),
  ),
  counter(
    "olla_upstream_attempts_total",
    ["endpoint", "model", "outcome"],
    "Sends to endpoints, by what became of them.",
    ({ stats }) =>
      stats.models.places().flatMap((place) =>
        attemptOutcomes.flatMap((outcome): MetricRow<number>[] => {
          const count = place.countOf(outcome);
          return count === 0 ? [] : [[[place.endpoint, place.model, outcome], count]];
        }),
      ),
  ),
  histogram(
    "olla_upstream_duration_seconds",
    ["endpoint", "model"],
    "From the send to the end of the answer; answers below 400.",
    placeTimes(({ latency }) => latency),
  ),
  histogram(
    "olla_upstream_time_to_first_token_seconds",
    ["endpoint", "model"],
    "From the send to the first byte for the client; streams only.",
    placeTimes(({ ttft }) => ttft),
  ),
  histogram(
    "olla_upstream_inter_token_latency_seconds",
    ["endpoint", "model"],
    "Mean time for each token after the first, one value a stream.",
    placeTimes(({ perToken }) => perToken),
  ),
  counter(
    "olla_tokens_total",
    ["endpoint", "model", "type"],
    "Tokens, as answers say it. `cache_read` is part of `input`, `reasoning` of `output`.",
    tokens,
  ),
  counter(
    "olla_fallbacks_total",
    ["from", "to", "reason"],
    "Attempts that failed and were followed by one at another endpoint.",
    events((all) => all.failovers),
  ),
  counter(
    "olla_retries_total",
    ["from", "to", "reason"],
    "Attempts that failed and were followed by one at the same endpoint.",
    events((all) => all.retries),
  ),
  counter(
    "olla_routing_decisions_total",
    ["model", "strategy", "reason"],
    "Why requests went where they went, as in the header X-Olla-Routing-Reason.",
    events((all) => all.decisions),
  ),
  counter(
    "olla_sticky_total",
    ["result"],
    "What became of conversations that stay at their endpoint.",
    events((all) => all.sticky),
  ),
  histogram(
    "olla_overhead_seconds",
    ["phase"],
    "What Olla itself takes of a request: understanding it, choosing, and waiting for a place.",
    ({ stats }) => stats.overhead.phases().map(({ phase, times }) => [[phase], times]),
  ),
  histogram(
    "olla_queue_wait_seconds",
    ["endpoint"],
    "How long those waited for a place who had to.",
    ({ stats }) => stats.overhead.waits().map(({ endpoint, times }) => [[endpoint], times]),
  ),
  counter("olla_queue_outcomes_total", ["outcome"], "What became of those who had to wait.", ({ queues }) => {
    if (queues === undefined) return [];
    const { admitted, timedOut, refused, abandoned } = queues.waitTotals();
    return [
      [["admitted"], admitted],
      [["timed_out"], timedOut],
      [["refused"], refused],
      [["abandoned"], abandoned],
    ];
  }),
  counter("olla_key_requests_total", ["key"], "Requests with a client key.", ({ stats }) =>
    stats.keys.totals().map(({ name, requests }) => [[name], requests]),
  ),
  counter("olla_key_limited_total", ["key"], "Those that were over a limit.", ({ stats }) =>
    stats.keys.totals().map(({ name, limited }) => [[name], limited]),
  ),
  counter("olla_key_tokens_total", ["key", "type"], "Tokens, as answers say it.", ({ stats }) =>
    stats.keys.totals().flatMap(({ name, inputTokens, outputTokens }): MetricRow<number>[] => [
      [[name, "input"], inputTokens],
      [[name, "output"], outputTokens],
    ]),
  ),
];
