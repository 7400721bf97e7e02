import type { EndpointStatus } from "../../endpoints/endpoint-status.ts";
import { counter, gauge, type MetricFamily, type MetricRow, type MetricSources } from "./family.ts";

const states: readonly EndpointStatus[] = [
  "healthy",
  "busy",
  "offline",
  "warming",
  "unhealthy",
  "unknown",
  "config_error",
  "rate_limited",
];

const phases = { closed: 0, "half-open": 1, open: 2 };
const maxLoadedSeries = 1_000;

function namesOf({ endpoints }: MetricSources): readonly string[] {
  return endpoints.snapshot().map(({ endpoint }) => endpoint.name);
}

/** How endpoints are right now. */
export const fleetFamilies: readonly MetricFamily[] = [
  gauge(
    "olla_endpoint_state",
    ["endpoint", "state"],
    "1 for the state that the endpoint is in.",
    ({ endpoints }) =>
      endpoints
        .snapshot()
        .flatMap(({ endpoint, health }) =>
          states.map((state): MetricRow<number> => [[endpoint.name, state], state === health.status ? 1 : 0]),
        ),
  ),
  gauge(
    "olla_endpoint_draining",
    ["endpoint"],
    "1 while an operator keeps new requests away.",
    ({ endpoints }) =>
      endpoints.snapshot().map(({ endpoint, isDraining }) => [[endpoint.name], isDraining === true ? 1 : 0]),
  ),
  gauge("olla_inflight_requests", ["endpoint"], "Requests under way.", (sources) =>
    namesOf(sources).map((name) => [[name], sources.connections.of(name)]),
  ),
  gauge("olla_live_requests", ["phase"], "Requests under way, by what they are busy with.", ({ live }) => {
    const counts = { receiving: 0, routing: 0, queued: 0, waiting: 0, streaming: 0 };
    if (live === undefined) return [];
    for (const { phase } of live.all()) counts[phase] += 1;
    return Object.entries(counts).map(([phase, count]) => [[phase], count]);
  }),
  gauge(
    "olla_queue_depth",
    ["endpoint"],
    "Requests that wait for a place at the endpoint; some may wait for others too.",
    (sources) => namesOf(sources).map((name) => [[name], sources.queues?.queueDepth(name) ?? 0]),
  ),
  gauge(
    "olla_circuit_state",
    ["endpoint"],
    "The endpoint's circuit breaker: 0 closed, 1 half-open, 2 open.",
    (sources) => {
      const { breakers } = sources;
      if (breakers === undefined) return [];
      return namesOf(sources).map((name) => [[name], phases[breakers.stateOf(name).state]]);
    },
  ),
  gauge(
    "olla_circuit_blocked_models",
    ["endpoint"],
    "Models at the endpoint whose own circuit breaker is not closed.",
    (sources) => {
      const { breakers } = sources;
      if (breakers === undefined) return [];
      return namesOf(sources).map((name) => [[name], breakers.stateOf(name).models.length]);
    },
  ),
  counter(
    "olla_circuit_transitions_total",
    ["endpoint", "to"],
    "Changes of circuit breakers, those of models too.",
    ({ stats }) => stats.events.transitions.list().map(({ labels, count }) => [labels, count]),
  ),
  gauge(
    "olla_engine_model_loaded",
    ["endpoint", "model"],
    "1 for each model that the endpoint is known to have in memory.",
    (sources) => {
      const { loaded } = sources;
      if (loaded === undefined) return [];
      return namesOf(sources)
        .flatMap((name) =>
          (loaded.modelsAt(name) ?? []).map((model): MetricRow<number> => [[name, model.name], 1]),
        )
        .slice(0, maxLoadedSeries);
    },
  ),
];
