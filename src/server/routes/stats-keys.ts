import type { KeyTotals } from "../../observe/key-counts.ts";
import type { ServerDependencies } from "../dependencies.ts";
import { formatLatency, formatTime } from "../format-text.ts";
import { averageOf } from "./stats-models.ts";

/** `GET /internal/stats/keys`: what the holders of keys have asked for, by the keys' names. */
export function renderKeyStatistics({ stats, clock }: Pick<ServerDependencies, "stats" | "clock">): object {
  return {
    timestamp: formatTime(clock.wallTime()),
    keys: stats.keys.totals().map((totals) => ({
      name: totals.name,
      total_requests: totals.requests,
      successful_requests: totals.successes,
      failed_requests: totals.requests - totals.successes,
      rate_limited_requests: totals.limited,
      input_tokens: totals.inputTokens,
      output_tokens: totals.outputTokens,
      ...latencyMembers(totals),
    })),
  };
}

/** Of successes; what there was none of is left out. */
function latencyMembers({ latency, ttft }: KeyTotals): object {
  return {
    ...(latency && {
      average_latency: formatLatency(averageOf(latency)),
      p95_latency: formatLatency(latency.quantile(0.95) ?? 0),
    }),
    ...(ttft && {
      p50_time_to_first_token: formatLatency(ttft.quantile(0.5) ?? 0),
      p95_time_to_first_token: formatLatency(ttft.quantile(0.95) ?? 0),
    }),
  };
}
