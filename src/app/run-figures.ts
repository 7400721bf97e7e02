import { availableParallelism } from "node:os";
import type { LogFields } from "../lib/log.ts";
import { readProcessFigures } from "../observe/process-figures.ts";
import type { Stats } from "../observe/stats.ts";
import type { Fleet } from "./fleet.ts";
import type { AppOptions } from "./options.ts";

/** What `engineering.show_nerdstats` logs at shutdown: what the run took, and what it did. */
export function runFigures(
  { build, clock }: Pick<AppOptions, "build" | "clock">,
  { registry, catalog }: Pick<Fleet, "registry" | "catalog">,
  stats: Pick<Stats, "totals" | "rejectedRequests" | "tokens">,
): LogFields {
  const figures = readProcessFigures();
  const { requests, failures, bytes } = stats.totals();
  const { input, output } = stats.tokens.totals();
  const views = registry.snapshot();
  return {
    memory_rss_bytes: figures.residentBytes,
    memory_anonymous_bytes: figures.anonymousBytes,
    memory_heap_used_bytes: figures.heapUsedBytes,
    memory_external_bytes: figures.externalBytes,
    cpu_user_s: figures.cpuUserSeconds,
    cpu_system_s: figures.cpuSystemSeconds,
    cpu_available: availableParallelism(),
    open_sockets: figures.openSockets,
    threads: figures.threads,
    uptime_s: Math.round(clock.wallTime() / 1000 - figures.startedAt),
    attempts: requests,
    failed_attempts: failures,
    rejected_requests: stats.rejectedRequests(),
    response_bytes: bytes,
    input_tokens: input,
    output_tokens: output,
    endpoints: views.length,
    endpoints_healthy: views.filter(({ health }) => health.status === "healthy").length,
    models: catalog.unified().length,
    version: build.version,
    commit: build.commit,
    runtime: `Bun ${process.versions.bun}`,
    platform: `${process.platform}/${process.arch}`,
  };
}
