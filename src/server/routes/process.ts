import { availableParallelism } from "node:os";
import type { EventLoopDelay } from "../../observe/event-loop-delay.ts";
import type { HistogramView } from "../../observe/histogram.ts";
import type { LiveRequests } from "../../observe/live-requests.ts";
import { readProcessFigures } from "../../observe/process-figures.ts";
import type { ServerDependencies } from "../dependencies.ts";
import { formatTime, formatUptime } from "../format-text.ts";

type ProcessSources = Pick<
  ServerDependencies,
  "settings" | "clock" | "endpoints" | "connections" | "live"
> & {
  readonly eventLoop: EventLoopDelay;
};

/** `GET /internal/process`: what this process takes, in this runtime's terms. What is not known here is left out. */
export function renderProcess(sources: ProcessSources): object {
  const { settings, clock, endpoints, connections, live, eventLoop } = sources;
  const figures = readProcessFigures();
  const now = clock.wallTime();
  const atEndpoints = endpoints
    .snapshot()
    .reduce((sum, { endpoint }) => sum + connections.of(endpoint.name), 0);
  return {
    timestamp: formatTime(now),
    memory: {
      rss_bytes: figures.residentBytes,
      ...(figures.anonymousBytes !== undefined && { anonymous_bytes: figures.anonymousBytes }),
      heap_used_bytes: figures.heapUsedBytes,
      heap_total_bytes: figures.heapTotalBytes,
      external_bytes: figures.externalBytes,
      array_buffers_bytes: figures.arrayBufferBytes,
    },
    cpu: {
      user_seconds: figures.cpuUserSeconds,
      system_seconds: figures.cpuSystemSeconds,
      available: availableParallelism(),
    },
    runtime: {
      version: settings.runtime,
      platform: settings.platform,
      pid: figures.pid,
      uptime: formatUptime(now - settings.startedAt),
      uptime_seconds: Math.floor((now - settings.startedAt) / 1000),
      start_time: formatTime(settings.startedAt),
      ...(figures.threads !== undefined && { threads: figures.threads }),
      ...delayMember(eventLoop.read()),
    },
    activity: {
      ...(figures.openFiles !== undefined && { open_files: figures.openFiles }),
      ...(figures.openSockets !== undefined && { open_sockets: figures.openSockets }),
      ...(live !== undefined && { requests: live.size, streams: streamsOf(live) }),
      attempts: atEndpoints,
    },
  };
}

/** Absent until something was measured: that begins with the first look. */
function delayMember(times: HistogramView): object {
  if (times.count === 0) return {};
  const rounded = (share: number) => Math.round((times.quantile(share) ?? 0) * 10) / 10;
  return {
    event_loop_delay: { samples: times.count, p50_ms: rounded(0.5), p99_ms: rounded(0.99) },
  };
}

function streamsOf(live: LiveRequests): number {
  return live.all().filter(({ phase }) => phase === "streaming").length;
}
