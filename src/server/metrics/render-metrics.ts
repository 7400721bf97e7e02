import { type Metric, type MetricObjectWithValues, type MetricValue, Registry } from "prom-client";
import type { HistogramView } from "../../observe/histogram.ts";
import { allFamilies } from "./all-families.ts";
import type { MetricFamily, MetricRow, MetricSources } from "./family.ts";

type Value = MetricValue<string> & { readonly metricName?: string; readonly sharedLabels?: object };

/** Longest time that requests wait while a scrape is written, as far as one metric's series are not more. */
const longestTurnMs = 5;

/** The text of `/internal/metrics`. Loaded by the first scrape, because the library is of no use before. */
export async function renderMetrics(sources: MetricSources): Promise<string> {
  const registry = new Registry();
  for (const family of allFamilies) registry.registerMetric(asMetric(family, sources));
  const texts: string[] = [];
  let turnBeganAt = performance.now();
  for (const { name } of allFamilies) {
    texts.push(await registry.getSingleMetricAsString(name));
    if (performance.now() - turnBeganAt < longestTurnMs) continue;
    // A large fleet has thousands of series, and streams have to go on meanwhile.
    await new Promise((resolve) => setImmediate(resolve));
    turnBeganAt = performance.now();
  }
  return `${texts.join("\n")}\n`;
}

export const metricsContentType = Registry.PROMETHEUS_CONTENT_TYPE;

/** What the library needs of a metric in order to write it. The values are read when it asks for them. */
function asMetric(family: MetricFamily, sources: MetricSources): Metric {
  const { name, help, type } = family;
  const read = () => ({
    name,
    help,
    type,
    values: family.type === "histogram" ? histogramValues(family, sources) : numberValues(family, sources),
    aggregator: "sum",
  });
  const metric = { name, get: async () => read() as unknown as MetricObjectWithValues<MetricValue<string>> };
  return metric as unknown as Metric;
}

function numberValues(
  family: Extract<MetricFamily, { type: "counter" | "gauge" }>,
  sources: MetricSources,
): Value[] {
  return sorted(family.read(sources)).map(([labels, value]) => ({
    labels: named(family.labels, labels),
    value: toMillionths(value),
  }));
}

function histogramValues(
  family: Extract<MetricFamily, { type: "histogram" }>,
  sources: MetricSources,
): Value[] {
  return sorted(family.read(sources)).flatMap(([values, histogram]) => {
    // Shared, they are written out only once.
    const sharedLabels = named(family.labels, values);
    return [
      ...bucketsOf(histogram).map(([le, value]) => ({
        metricName: `${family.name}_bucket`,
        labels: { le },
        sharedLabels,
        value,
      })),
      { metricName: `${family.name}_sum`, labels: {}, sharedLabels, value: histogram.sum / 1000 },
      { metricName: `${family.name}_count`, labels: {}, sharedLabels, value: histogram.count },
    ];
  });
}

function bucketsOf(histogram: HistogramView): [string, number][] {
  const { published } = histogram.layout;
  const counts = histogram.cumulative();
  const buckets = published.map((bound, index): [string, number] => [String(bound), counts[index] ?? 0]);
  return [...buckets, ["+Inf", histogram.count]];
}

function named(names: readonly string[], values: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.map((name, index) => [name, values[index] ?? ""]));
}

/** So that two scrapes of the same state are the same text. */
function sorted<Of>(rows: readonly MetricRow<Of>[]): readonly MetricRow<Of>[] {
  const keyed = rows.map((row) => ({ row, key: row[0].join("\0") }));
  return keyed.sort((left, right) => (left.key < right.key ? -1 : 1)).map(({ row }) => row);
}

function toMillionths(value: number): number {
  return Math.round(value * 1e6) / 1e6;
}
