import type { ServerDependencies } from "../dependencies.ts";
import { formatTime } from "../format-text.ts";

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
    })),
  };
}
