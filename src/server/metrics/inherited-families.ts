import { isRoutable } from "../../endpoints/endpoint-status.ts";
import type { AttemptTotals } from "../../observe/endpoint-series.ts";
import { isSecurityElevated, successPercent, systemStatus } from "../routes/status.ts";
import { counter, gauge, type MetricFamily, type MetricRow, type MetricSources, single } from "./family.ts";

const statusValues = { critical: 0, degraded: 1, healthy: 2 };

/** One row for each endpoint. */
function perEndpoint(read: (name: string, sources: MetricSources) => number) {
  return (sources: MetricSources): readonly MetricRow<number>[] =>
    sources.endpoints.snapshot().map(({ endpoint: { name } }) => [[name], read(name, sources)]);
}

function healthyOf({ endpoints }: MetricSources): number {
  return endpoints.snapshot().filter(({ health }) => health.status === "healthy").length;
}

function statusOf(sources: MetricSources): number {
  const { endpoints, stats } = sources;
  return statusValues[
    systemStatus(healthyOf(sources), endpoints.snapshot().length, successPercent(stats.totals()))
  ];
}

function activeConnections({ endpoints, connections }: MetricSources): number {
  return endpoints.snapshot().reduce((sum, { endpoint }) => sum + connections.of(endpoint.name), 0);
}

const successOf = (totals: AttemptTotals) => successPercent(totals) ?? 0;

/**
 * The names of the reference, kept for the dashboards that have them. They count attempts, as `/internal/status` does;
 * some end, or measure, as no metric should.
 */
export const inheritedFamilies: readonly MetricFamily[] = [
  gauge(
    "olla_info",
    ["version", "commit", "engine", "profile", "balancer"],
    "What runs here; always 1.",
    ({ settings }) => [
      [[settings.version, settings.commit, settings.engine, settings.deliveryMode, settings.balancer], 1],
    ],
  ),
  gauge("olla_system_status", [], "2 healthy, 1 degraded, 0 critical.", (sources) =>
    single(statusOf(sources)),
  ),
  gauge("olla_endpoints_total", [], "Configured endpoints.", ({ endpoints }) =>
    single(endpoints.snapshot().length),
  ),
  gauge("olla_endpoints_healthy", [], "Healthy endpoints.", (sources) => single(healthyOf(sources))),
  gauge("olla_success_rate_percent", [], "Attempts that succeeded; 0 without any.", ({ stats }) =>
    single(successOf(stats.totals())),
  ),
  gauge("olla_avg_latency_ms", [], "Mean time of successful attempts since the start.", ({ stats }) =>
    single(stats.totals().averageLatencyMs ?? 0),
  ),
  gauge("olla_total_traffic_bytes", [], "Bytes of answers since the start.", ({ stats }) =>
    single(stats.totals().bytes),
  ),
  gauge("olla_uptime_seconds", [], "Since the start.", ({ settings, clock }) =>
    single((clock.wallTime() - settings.startedAt) / 1000),
  ),
  gauge("olla_active_connections", [], "Requests under way at endpoints.", (sources) =>
    single(activeConnections(sources)),
  ),
  counter("olla_requests_total", [], "Attempts at endpoints.", ({ stats }) =>
    single(stats.totals().requests),
  ),
  counter("olla_failures_total", [], "Attempts that failed.", ({ stats }) => single(stats.totals().failures)),
  counter("olla_security_violations_total", [], "Requests over a limit.", ({ stats }) => {
    const { rateLimitViolations, sizeLimitViolations } = stats.security();
    return single(rateLimitViolations + sizeLimitViolations);
  }),
  counter("olla_security_rate_limit_violations_total", [], "Requests over a rate limit.", ({ stats }) =>
    single(stats.security().rateLimitViolations),
  ),
  counter("olla_security_size_limit_violations_total", [], "Requests that were too large.", ({ stats }) =>
    single(stats.security().sizeLimitViolations),
  ),
  gauge("olla_security_blocked_ips", [], "Addresses that were limited in the last hour.", ({ stats }) =>
    single(stats.security().limitedAddresses),
  ),
  gauge("olla_security_status", [], "1 normal, 0 elevated.", ({ stats }) =>
    single(isSecurityElevated(stats.security()) ? 0 : 1),
  ),
  gauge(
    "olla_endpoint_up",
    ["endpoint", "status"],
    "Whether the endpoint gets requests, as far as its health goes.",
    ({ endpoints }) =>
      endpoints
        .snapshot()
        .map(({ endpoint, health: { status } }) => [[endpoint.name, status], isRoutable(status) ? 1 : 0]),
  ),
  gauge(
    "olla_endpoint_connections",
    ["endpoint"],
    "Requests under way.",
    perEndpoint((name, { connections }) => connections.of(name)),
  ),
  gauge(
    "olla_endpoint_success_rate_percent",
    ["endpoint"],
    "Attempts that succeeded; 0 without any.",
    perEndpoint((name, { stats }) => successOf(stats.endpoint(name))),
  ),
  gauge(
    "olla_endpoint_avg_latency_ms",
    ["endpoint"],
    "Mean time of successful attempts.",
    perEndpoint((name, { stats }) => stats.endpoint(name).averageLatencyMs ?? 0),
  ),
  gauge("olla_endpoint_priority", ["endpoint"], "As configured.", ({ endpoints }) =>
    endpoints.snapshot().map(({ endpoint }) => [[endpoint.name], endpoint.priority]),
  ),
  gauge(
    "olla_endpoint_models_count",
    ["endpoint"],
    "Models that the endpoint lists.",
    perEndpoint((name, { catalog }) => catalog.modelsAt(name).length),
  ),
  counter(
    "olla_endpoint_requests_total",
    ["endpoint"],
    "Attempts.",
    perEndpoint((name, { stats }) => stats.endpoint(name).requests),
  ),
  counter(
    "olla_endpoint_traffic_bytes",
    ["endpoint"],
    "Bytes of answers.",
    perEndpoint((name, { stats }) => stats.endpoint(name).bytes),
  ),
];
