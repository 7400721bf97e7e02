import type { Clock } from "../../lib/clock.ts";
import { displayBytes } from "../../models/listings/display-text.ts";
import type { AttemptTotals } from "../../observe/endpoint-series.ts";
import type { SecurityTotals } from "../../observe/security-counts.ts";
import type { EndpointView, ServerDependencies } from "../dependencies.ts";
import { inDisplayOrder } from "../endpoint-order.ts";
import {
  formatAgo,
  formatLatency,
  formatPercent,
  formatTime,
  formatUntil,
  formatUptime,
} from "../format-text.ts";
import { renderConfigState } from "./reload.ts";
import { tokenMember } from "./token-member.ts";
import { systemQueueMember, type TrafficSources, trafficMembersOf } from "./traffic-members.ts";

type StatusSources = TrafficSources &
  Pick<ServerDependencies, "settings" | "endpoints" | "catalog" | "connections" | "stats" | "reload">;

/** `GET /internal/status`: the whole system on one page. */
export function renderStatus(sources: StatusSources): object {
  const now = sources.clock.wallTime();
  const views = inDisplayOrder(sources.endpoints.snapshot());
  const { settings } = sources;
  const trafficMembers = trafficMembersOf(sources);
  return {
    timestamp: formatTime(now),
    proxy: { engine: settings.engine, profile: settings.deliveryMode, balancer: settings.balancer },
    endpoints: views.map((view) => ({
      ...renderEndpoint(view, sources, now),
      ...trafficMembers(view.endpoint.name),
      ...tokenMember(sources.stats.tokens.endpoint(view.endpoint.name)),
    })),
    security: renderSecurity(sources),
    system: renderSystem(views, sources, now),
    ...(sources.reload !== undefined && { config: renderConfigState(sources.reload) }),
  };
}

function renderEndpoint(
  { endpoint, health, isDraining }: EndpointView,
  sources: StatusSources,
  now: number,
): object {
  const totals = sources.stats.endpoint(endpoint.name);
  const updatedAt = sources.catalog.lastUpdatedAt(endpoint.name);
  const nextCheckAt = nextCheckTime(health, sources.clock);
  return {
    id: endpoint.id,
    name: endpoint.name,
    url: endpoint.url,
    status: health.status,
    ...(isDraining === true && { draining: true }),
    priority: endpoint.priority,
    connections: sources.connections.of(endpoint.name),
    requests: totals.requests,
    success_rate: formatPercent(successPercent(totals) ?? 0),
    avg_latency: formatLatency(totals.averageLatencyMs ?? 0),
    ...latencyMembers(totals),
    traffic: displayBytes(totals.bytes),
    last_check: formatAgo(health.lastCheckedAt, now),
    ...(health.lastCheckedAt === undefined ? {} : { health_check_at: formatTime(health.lastCheckedAt) }),
    next_check: formatUntil(nextCheckAt, now),
    next_check_at: formatTime(nextCheckAt),
    issues: issuesOf(health, totals).join(", "),
    models: {
      last_updated: updatedAt === undefined ? null : formatTime(updatedAt),
      count: sources.catalog.modelsAt(endpoint.name).length,
    },
  };
}

/** In milliseconds since the epoch. */
export function nextCheckTime({ nextCheckAt }: EndpointView["health"], clock: Clock): number {
  return clock.wallTime() + nextCheckAt - clock.now();
}

/** In whole milliseconds; the average is missing where there is none. */
export function latencyMembers(totals: AttemptTotals): object {
  const { averageLatencyMs } = totals;
  return {
    ...(averageLatencyMs === undefined ? {} : { avg_latency_ms: Math.round(averageLatencyMs) }),
    min_latency_ms: Math.round(totals.minLatencyMs),
    max_latency_ms: Math.round(totals.maxLatencyMs),
  };
}

/** 0 to 100; undefined without traffic. */
export function successPercent({ requests, successes }: AttemptTotals): number | undefined {
  return requests === 0 ? undefined : (successes / requests) * 100;
}

/** Enough traffic for a share to mean something, and the share is poor. */
export function hasLowSuccessRate(totals: AttemptTotals): boolean {
  return totals.requests > 10 && (successPercent(totals) ?? 100) < 90;
}

export function isDown({ status }: EndpointView["health"]): boolean {
  return status === "offline" || status === "unhealthy";
}

function issuesOf(health: EndpointView["health"], totals: AttemptTotals): string[] {
  const issues: string[] = [];
  if (health.consecutiveFailures > 3) issues.push("consecutive failures");
  if (hasLowSuccessRate(totals)) issues.push("low success rate");
  if ((totals.averageLatencyMs ?? 0) > 5000) issues.push("high latency");
  if (isDown(health)) issues.push("unavailable");
  return issues;
}

/** More has been refused than a few clients' mistakes. */
export function isSecurityElevated(totals: SecurityTotals): boolean {
  return totals.rateLimitViolations + totals.sizeLimitViolations > 100 || totals.limitedAddresses > 10;
}

function renderSecurity({ stats }: StatusSources): object {
  const totals = stats.security();
  const { rateLimitViolations, sizeLimitViolations, limitedAddresses } = totals;
  return {
    status: isSecurityElevated(totals) ? "elevated" : "normal",
    blocked_ips: limitedAddresses,
    violations: { rate_limits: rateLimitViolations, size_limits: sizeLimitViolations },
  };
}

function renderSystem(views: readonly EndpointView[], sources: StatusSources, now: number): object {
  const { settings, stats, connections } = sources;
  const totals = stats.totals();
  const security = stats.security();
  const healthy = views.filter(({ health }) => health.status === "healthy").length;
  const success = successPercent(totals);
  return {
    status: systemStatus(healthy, views.length, success),
    endpoints_up: `${healthy}/${views.length}`,
    success_rate: success === undefined ? "N/A" : formatPercent(success),
    avg_latency: formatLatency(totals.averageLatencyMs ?? 0),
    total_traffic: displayBytes(totals.bytes),
    uptime: formatUptime(now - settings.startedAt),
    start_time: formatTime(settings.startedAt),
    version: settings.version,
    commit: settings.commit,
    active_connections: views.reduce((sum, { endpoint }) => sum + connections.of(endpoint.name), 0),
    security_violations: security.rateLimitViolations + security.sizeLimitViolations,
    total_requests: totals.requests,
    total_failures: totals.failures,
    has_traffic: totals.requests > 0,
    ...systemQueueMember(sources),
    ...tokenMember(stats.tokens.totals()),
  };
}

/** From the share of healthy endpoints and, where there was traffic, the share of attempts that succeeded. */
export function systemStatus(
  healthy: number,
  all: number,
  success: number | undefined,
): "healthy" | "degraded" | "critical" {
  if (all === 0) return "critical";
  const healthyShare = healthy / all;
  const successShare = success ?? 100;
  if (healthyShare < 0.5 || successShare < 90) return "critical";
  return healthyShare < 0.8 || successShare < 95 ? "degraded" : "healthy";
}
