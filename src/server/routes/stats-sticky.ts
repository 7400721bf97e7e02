import type { SessionStatistics } from "../../balancer/session-store.ts";

/** Of `StickySessions`. */
export interface StickyView {
  statistics(): SessionStatistics;
}

/** `GET /internal/stats/sticky`. @param sticky undefined while sessions are not sticky */
export function renderStickyStatistics(sticky: StickyView | undefined): object {
  if (sticky === undefined) return { enabled: false };
  const statistics = sticky.statistics();
  return {
    enabled: true,
    active_sessions: statistics.activeSessions,
    insertions: statistics.insertions,
    hits: statistics.hits,
    misses: statistics.misses,
    evictions: statistics.evictions,
    max_sessions: statistics.maxSessions,
    idle_ttl_seconds: statistics.idleTtlSeconds,
  };
}
