import type { EventLoopDelay } from "../../observe/event-loop-delay.ts";
import type { HistogramView } from "../../observe/histogram.ts";
import type { ServerDependencies } from "../dependencies.ts";

/** What metrics are read from, at each scrape. */
export type MetricSources = Pick<
  ServerDependencies,
  | "settings"
  | "clock"
  | "endpoints"
  | "catalog"
  | "connections"
  | "stats"
  | "breakers"
  | "queues"
  | "sticky"
  | "loaded"
  | "live"
  | "reload"
> & { readonly eventLoop: EventLoopDelay };

/** One series: the values of the labels in the order of their names, and where it stands. */
export type MetricRow<Value> = readonly [labels: readonly string[], value: Value];

interface Named {
  readonly name: string;
  readonly help: string;
  readonly labels: readonly string[];
}

/** A metric with all its series. Nothing is kept: everything is read from what Olla counts anyway. */
export type MetricFamily =
  | (Named & {
      readonly type: "counter" | "gauge";
      readonly read: (sources: MetricSources) => readonly MetricRow<number>[];
    })
  | (Named & {
      readonly type: "histogram";
      readonly read: (sources: MetricSources) => readonly MetricRow<HistogramView>[];
    });

type ReadNumbers = (sources: MetricSources) => readonly MetricRow<number>[];

export function counter(
  name: string,
  labels: readonly string[],
  help: string,
  read: ReadNumbers,
): MetricFamily {
  return { type: "counter", name, labels, help, read };
}

export function gauge(
  name: string,
  labels: readonly string[],
  help: string,
  read: ReadNumbers,
): MetricFamily {
  return { type: "gauge", name, labels, help, read };
}

export function histogram(
  name: string,
  labels: readonly string[],
  help: string,
  read: (sources: MetricSources) => readonly MetricRow<HistogramView>[],
): MetricFamily {
  return { type: "histogram", name, labels, help, read };
}

/** A metric without labels; no series where the value is unknown. */
export function single(value: number | undefined): readonly MetricRow<number>[] {
  return value === undefined ? [] : [[[], value]];
}
