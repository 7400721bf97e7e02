import type { TranslatorTotals } from "../../observe/translator-counts.ts";
import type { ServerDependencies } from "../dependencies.ts";
import { formatLatency, formatPercent, formatTime } from "../format-text.ts";

/** `GET /internal/stats/translators`: the requests in each client's API that not every endpoint knows. */
export function renderTranslatorStatistics({
  stats,
  clock,
}: Pick<ServerDependencies, "stats" | "clock">): object {
  const translators = stats.translators.totals();
  const sum = (of: (totals: TranslatorTotals) => number) =>
    translators.reduce((total, totals) => total + of(totals), 0);
  const requests = sum((totals) => totals.requests);
  const passthroughs = sum((totals) => totals.passthroughs);
  const streams = sum((totals) => totals.streams);
  return {
    timestamp: formatTime(clock.wallTime()),
    translators: translators.map(renderTranslator),
    summary: {
      total_translators: translators.length,
      active_translators: translators.filter((totals) => totals.requests > 0).length,
      total_requests: requests,
      overall_success_rate: share(
        sum((totals) => totals.successes),
        requests,
      ),
      total_passthrough: passthroughs,
      total_translations: requests - passthroughs,
      overall_passthrough_rate: share(passthroughs, requests),
      total_streaming: streams,
      total_non_streaming: requests - streams,
    },
  };
}

function renderTranslator(totals: TranslatorTotals): object {
  const { requests, successes, passthroughs, streams, fallbacks } = totals;
  return {
    translator_name: totals.name,
    total_requests: requests,
    successful_requests: successes,
    failed_requests: requests - successes,
    success_rate: share(successes, requests),
    passthrough_rate: share(passthroughs, requests),
    passthrough_requests: passthroughs,
    translation_requests: requests - passthroughs,
    streaming_requests: streams,
    non_streaming_requests: requests - streams,
    fallback_no_compatible_endpoints: fallbacks.no_compatible_endpoints,
    // Every API that we translate is some kind's own.
    fallback_translator_does_not_support_passthrough: 0,
    fallback_cannot_passthrough: fallbacks.cannot_passthrough,
    average_latency: formatLatency(totals.averageLatencyMs),
  };
}

function share(part: number, whole: number): string {
  return formatPercent(whole === 0 ? 0 : (part / whole) * 100);
}
