// What is wrong with a soak; nothing here measures.

export const workKinds = ["stream", "translated", "small"] as const;
export type WorkKind = (typeof workKinds)[number];

/**
 * `left`: its client went away. `told`: an error in the stream, and no clean end. `cut`: the connection broke in the answer.
 * `refused`: a status other than 200. `unanswered`: the connection closed before any answer. `wrong`: a clean end of
 * something that is not the whole answer. `late`: no end in a time in which every end has to come.
 */
export const endings = ["complete", "left", "told", "cut", "refused", "unanswered", "wrong", "late"] as const;
export type Ending = (typeof endings)[number];

/** A request as its client saw it. */
export interface Finished {
  readonly kind: WorkKind;
  readonly nonce: number;
  readonly ending: Ending;
  /** Who answered, as Olla says it. */
  readonly endpoint: string | undefined;
  readonly detail: string;
}

/**
 * What must not have happened, in words; undefined where all is well. An answer may break only in the client's sight, and
 * only when its endpoint broke it: there is always another one that can answer, so nothing may be refused.
 * @param cutBy nonces of the requests that each endpoint broke off
 */
export function violationOf(
  { kind, nonce, ending, endpoint, detail }: Finished,
  cutBy: ReadonlyMap<string, ReadonlySet<number>>,
): string | undefined {
  if (ending === "complete" || ending === "left") return undefined;
  const isBroken = ending === "told" || ending === "cut";
  if (isBroken && cutBy.get(endpoint ?? "")?.has(nonce) === true) return undefined;
  const why = isBroken ? ", which its endpoint did not break off" : "";
  return `${kind} ${nonce} at ${endpoint ?? "no endpoint"}: ${ending}${why}${detail === "" ? "" : ` (${detail})`}`;
}

export interface Point {
  readonly seconds: number;
  readonly value: number;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  const at = (index: number): number => sorted[index] ?? Number.NaN;
  return sorted.length % 2 === 0 ? (at(middle - 1) + at(middle)) / 2 : at(Math.floor(middle));
}

/** One point for each of so many equal stretches of time: the medians of its times and values. */
export function windowMedians(points: readonly Point[], windows: number): Point[] {
  const [first, last] = [points[0]?.seconds ?? 0, points.at(-1)?.seconds ?? 0];
  const length = Math.max((last - first) / windows, Number.EPSILON);
  const groups = Map.groupBy(points, ({ seconds }) =>
    Math.min(windows - 1, Math.floor((seconds - first) / length)),
  );
  return [...groups.values()].map((group) => ({
    seconds: median(group.map(({ seconds }) => seconds)),
    value: median(group.map(({ value }) => value)),
  }));
}

/** Theil and Sen's line: the median of the slopes between all pairs, which a few outliers do not bend. By the second. */
export function robustSlope(points: readonly Point[]): number {
  const slopes = points.flatMap((one, index) =>
    points
      .slice(index + 1)
      .filter(({ seconds }) => seconds !== one.seconds)
      .map(({ seconds, value }) => (value - one.value) / (seconds - one.seconds)),
  );
  return median(slopes);
}

/** MiB that the process may grow by in ten minutes. */
export const growthLimit = 1;
/** Sampled for less time than this, a slope is the weather, not the climate. */
export const shortestJudgedSeconds = 300;
const slopeWindows = 30;

export interface Growth {
  readonly seconds: number;
  /** In ten minutes, as `value` is counted. */
  readonly perTenMinutes: number;
  readonly isJudged: boolean;
}

export function growthOf(points: readonly Point[]): Growth {
  const seconds = (points.at(-1)?.seconds ?? 0) - (points[0]?.seconds ?? 0);
  const perTenMinutes = robustSlope(windowMedians(points, slopeWindows)) * 600;
  return { seconds, perTenMinutes, isJudged: seconds >= shortestJudgedSeconds };
}

/** What is open and waits in an idle Olla. */
export interface Rest {
  readonly sockets: number;
  readonly files: number;
  readonly requests: number;
  readonly attempts: number;
  readonly queued: number;
  /** Requests that endpoints still work on. */
  readonly atEndpoints: number;
}

/** What there is more of than before the load, in words. */
export function leftovers(before: Rest, after: Rest): string[] {
  const names = Object.keys(before) as (keyof Rest)[];
  return names
    .filter((name) => after[name] > before[name])
    .map((name) => `${name}: ${after[name]} after the load, ${before[name]} before`);
}

/** Timers that were left behind wake the process: wake-ups a second when idle, before and after. */
export function hasMoreTimers(before: number, after: number): boolean {
  return after > before * 1.5 + 5;
}
