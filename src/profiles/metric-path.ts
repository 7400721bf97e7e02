/** One step into a parsed JSON document: a member's name, or an index that serves as a name where an object stands. */
export type MetricPathStep = string | number;

const stepPattern = /\.?([^.[\]'"\s]+)|\[(\d+)\]|\['([^']+)'\]|\["([^"]+)"\]/y;

/**
 * Reads `$.a.b[0]['c']`, with or without the beginning `$`; `a.0.b` is accepted as well. `$` alone and an empty path are
 * no steps. Undefined for what is no path.
 */
export function parseMetricPath(path: string): MetricPathStep[] | undefined {
  const bare = path.trim().replace(/^\$/, "");
  const steps: MetricPathStep[] = [];
  let at = 0;
  while (at < bare.length) {
    stepPattern.lastIndex = at;
    const match = stepPattern.exec(bare);
    if (match === null) return undefined;
    const [, name, index, ...quoted] = match;
    const key = name ?? quoted.find((each) => each !== undefined);
    const isIndex = key === undefined || /^\d+$/.test(name ?? "");
    steps.push(isIndex ? Number(index ?? key) : key);
    at = stepPattern.lastIndex;
  }
  return steps;
}

/** What stands at the path; undefined where nothing does. */
export function readMetricPath(document: unknown, steps: readonly MetricPathStep[]): unknown {
  let value = document;
  for (const step of steps) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, step)) return undefined;
    value = (value as Record<MetricPathStep, unknown>)[step];
  }
  return value;
}
