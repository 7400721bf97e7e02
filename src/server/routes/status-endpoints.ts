import { takesRequests } from "../../endpoints/endpoint-status.ts";
import type { AttemptTotals } from "../../observe/endpoint-series.ts";
import type { EndpointView, ServerDependencies } from "../dependencies.ts";
import { inDisplayOrder } from "../endpoint-order.ts";
import { formatAgo, formatLatency, formatPercent, formatTime } from "../format-text.ts";
import { hasLowSuccessRate, isDown, latencyMembers, nextCheckTime, successPercent } from "./status.ts";
import { tokenMember } from "./token-member.ts";
import { type TrafficSources, trafficMembersOf } from "./traffic-members.ts";

type EndpointSources = TrafficSources &
  Pick<ServerDependencies, "endpoints" | "catalog" | "connections" | "stats" | "loaded">;

/** `GET /internal/status/endpoints`. */
export function renderEndpointStatus(sources: EndpointSources): object {
  const now = sources.clock.wallTime();
  const views = inDisplayOrder(sources.endpoints.snapshot());
  const trafficMembers = trafficMembersOf(sources);
  return {
    timestamp: formatTime(now),
    total_count: views.length,
    healthy_count: views.filter(({ health }) => health.status === "healthy").length,
    routable_count: views.filter(takesRequests).length,
    endpoints: views.map((view) => ({
      ...renderEndpoint(view, sources, now),
      ...trafficMembers(view.endpoint.name),
      ...tokenMember(sources.stats.tokens.endpoint(view.endpoint.name)),
    })),
  };
}

function renderEndpoint(
  { endpoint, health, isDraining }: EndpointView,
  sources: EndpointSources,
  now: number,
): object {
  const totals = sources.stats.endpoint(endpoint.name);
  const success = successPercent(totals);
  const { lastCheckedAt, lastLatencyMs = 0 } = health;
  const syncedAt = sources.catalog.lastUpdatedAt(endpoint.name);
  const issue = issueOf(health, totals);
  const loaded = sources.loaded?.modelsAt(endpoint.name);
  return {
    id: endpoint.id,
    name: endpoint.name,
    // Until the kind is found out the profile is only a stand-in.
    type: endpoint.isAutoDetected ? "auto" : endpoint.profile.name,
    status: health.status,
    ...(isDraining === true && { draining: true }),
    url: endpoint.url,
    priority: endpoint.priority,
    model_count: sources.catalog.modelsAt(endpoint.name).length,
    ...(loaded === undefined ? {} : { loaded_models: loaded.map(({ name }) => name) }),
    request_count: totals.requests,
    active_connections: sources.connections.of(endpoint.name),
    success_rate: success === undefined ? "N/A" : formatPercent(success),
    ...latencyMembers(totals),
    health_check: lastCheckedAt === undefined ? "" : formatAgo(lastCheckedAt, now),
    ...(lastCheckedAt === undefined ? {} : { health_check_at: formatTime(lastCheckedAt) }),
    ...(lastLatencyMs <= 0 ? {} : { response_time: formatLatency(lastLatencyMs) }),
    next_check_at: formatTime(nextCheckTime(health, sources.clock)),
    ...(syncedAt === undefined
      ? {}
      : { last_model_sync: formatAgo(syncedAt, now), last_model_sync_at: formatTime(syncedAt) }),
    ...(issue === undefined ? {} : { issues: issue }),
  };
}

/** The worst of them only. */
function issueOf(health: EndpointView["health"], totals: AttemptTotals): string | undefined {
  if (health.status === "healthy" && health.consecutiveFailures === 0) return undefined;
  if (isDown(health)) return "unavailable";
  if (health.consecutiveFailures > 3) return "unstable";
  return hasLowSuccessRate(totals) ? "low success rate" : undefined;
}
