import { expect, test } from "bun:test";
import { renderStickyStatistics } from "./stats-sticky.ts";

test("sessions that are not sticky have no statistics", () => {
  expect(renderStickyStatistics(undefined)).toEqual({ enabled: false });
});

test("the statistics have the documented members and no others", () => {
  const statistics = {
    activeSessions: 1,
    insertions: 2,
    hits: 3,
    misses: 4,
    evictions: 5,
    maxSessions: 6,
    idleTtlSeconds: 7,
  };
  expect(renderStickyStatistics({ statistics: () => statistics })).toEqual({
    enabled: true,
    active_sessions: 1,
    insertions: 2,
    hits: 3,
    misses: 4,
    evictions: 5,
    max_sessions: 6,
    idle_ttl_seconds: 7,
  });
});
