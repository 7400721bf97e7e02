/** A scrape taken apart. */
export interface Scrape {
  readonly text: string;
  /** Types by name of metric. */
  readonly types: ReadonlyMap<string, string>;
  /** Values by series as it is written: `name{label="value"}`. */
  readonly series: ReadonlyMap<string, number>;
  /** 0 for a series that is not there, as Prometheus sees it. */
  numberOf(series: string): number;
  /** The names of a series' labels, by its metric. */
  labelsOf(name: string): readonly string[];
}

export function parseScrape(text: string): Scrape {
  const types = new Map<string, string>();
  const series = new Map<string, number>();
  for (const line of text.split("\n")) {
    const [, name, type] = /^# TYPE (\S+) (\S+)$/.exec(line) ?? [];
    if (name !== undefined && type !== undefined) types.set(name, type);
    if (line === "" || line.startsWith("#")) continue;
    const at = line.lastIndexOf(" ");
    const key = line.slice(0, at);
    if (series.has(key)) throw new Error(`${key} is there twice`);
    series.set(key, Number(line.slice(at + 1)));
  }
  return {
    text,
    types,
    series,
    numberOf: (key) => series.get(key) ?? 0,
    labelsOf(name) {
      const first = [...series.keys()].find((key) => key.startsWith(`${name}{`));
      return [...(first ?? "").matchAll(/[{,](\w+)="/g)].map(([, label]) => label ?? "");
    },
  };
}

/** Without what a histogram's series have behind the metric's name. */
export function metricOf(name: string, types: ReadonlyMap<string, string>): string {
  const stem = name.replace(/_(bucket|sum|count)$/, "");
  return types.get(stem) === "histogram" ? stem : name;
}
