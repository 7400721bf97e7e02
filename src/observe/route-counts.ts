import { type Histogram, type HistogramView, observed } from "./histogram.ts";
import { durationLayout, firstTokenLayout } from "./histogram-layouts.ts";
import { otherLabel } from "./label-counter.ts";
import type { Outcome } from "./outcome.ts";
import { resultOf } from "./request-result.ts";
import { ttftOf } from "./request-row.ts";

const methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", otherLabel] as const;
const statusClasses = ["1xx", "2xx", "3xx", "4xx", "5xx"] as const;
const maxRoutes = 100;

/** What came in by one of Olla's routes. The histograms are missing until there is something in them. */
export interface RouteTotals {
  readonly route: string;
  /** By method and class of status; only those that there were. */
  readonly requests: readonly { readonly method: string; readonly code: string; readonly count: number }[];
  /** From arrival to end, of successes that were no streams. */
  readonly plain: HistogramView | undefined;
  /** The same of streams. */
  readonly streamed: HistogramView | undefined;
  /** From arrival to the first byte of a stream. */
  readonly ttft: HistogramView | undefined;
}

interface Series {
  /** A row of classes for each method. */
  readonly counts: Float64Array;
  plain: Histogram | undefined;
  streamed: Histogram | undefined;
  ttft: Histogram | undefined;
}

/** Counts every request, those that Olla answers itself and those that it refuses, too. */
export class RouteCounts {
  readonly #byRoute = new Map<string, Series>();

  add(outcome: Outcome): void {
    const series = this.#seriesOf(outcome.route ?? otherLabel);
    const index = methodIndex(outcome.method) * statusClasses.length + classIndex(outcome.status);
    series.counts[index] = (series.counts[index] ?? 0) + 1;
    const result = resultOf(outcome);
    if (result === "success") {
      const kind = outcome.isStream ? "streamed" : "plain";
      series[kind] = observed(series[kind], durationLayout, outcome.durationMs);
    }
    if (!outcome.isStream || result === "failure") return;
    series.ttft = observed(series.ttft, firstTokenLayout, ttftOf(outcome));
  }

  /** By name. */
  list(): readonly RouteTotals[] {
    return [...this.#byRoute]
      .map(([route, { counts, plain, streamed, ttft }]) => ({
        route,
        requests: methods.flatMap((method, row) =>
          statusClasses.flatMap((code, column) => {
            const count = counts[row * statusClasses.length + column] ?? 0;
            return count === 0 ? [] : [{ method, code, count }];
          }),
        ),
        plain,
        streamed,
        ttft,
      }))
      .sort((left, right) => (left.route < right.route ? -1 : 1));
  }

  #seriesOf(route: string): Series {
    const known = this.#byRoute.get(route);
    if (known !== undefined) return known;
    if (this.#byRoute.size >= maxRoutes && route !== otherLabel) return this.#seriesOf(otherLabel);
    const counts = new Float64Array(methods.length * statusClasses.length);
    const series: Series = { counts, plain: undefined, streamed: undefined, ttft: undefined };
    this.#byRoute.set(route, series);
    return series;
  }
}

/** POST first: it is nearly all traffic. A client may make up any method. */
function methodIndex(method: string): number {
  if (method === "POST") return 2;
  const index = (methods as readonly string[]).indexOf(method);
  return index < 0 ? methods.length - 1 : index;
}

function classIndex(status: number): number {
  return Math.min(statusClasses.length, Math.max(1, Math.floor(status / 100))) - 1;
}
