/** Results of one tenth of the window. */
interface ResultSlot {
  /** Number of the slot, counted from the clock's zero. */
  readonly slot: number;
  readonly successes: number;
  readonly failures: number;
}

/** Immutable: what was counted lately, oldest slot first, at most ten slots. */
export type RecentResults = readonly ResultSlot[];

const slotsPerWindow = 10;

/** With fewer results than this a rate says nothing: one failure alone would be 100 %. */
export const fewestResultsForRate = 10;

/** Counts one result. A slot leaves as a whole, so the window is up to a tenth shorter than `windowMs`. */
export function addResult(
  recent: RecentResults,
  result: "success" | "failure",
  now: number,
  windowMs: number,
): RecentResults {
  const slot = slotAt(now, windowMs);
  const earlier = recent.filter((entry) => entry.slot > slot - slotsPerWindow && entry.slot < slot);
  const current = recent.find((entry) => entry.slot === slot) ?? { slot, successes: 0, failures: 0 };
  return [
    ...earlier,
    result === "success"
      ? { ...current, successes: current.successes + 1 }
      : { ...current, failures: current.failures + 1 },
  ];
}

/** Share of failures, 0 to 1, or `undefined` when there are too few results. Meant for right after `addResult`. */
export function failureRateOf(recent: RecentResults): number | undefined {
  let failures = 0;
  let total = 0;
  for (const entry of recent) {
    failures += entry.failures;
    total += entry.failures + entry.successes;
  }
  return total < fewestResultsForRate ? undefined : failures / total;
}

/** Whether a failure is still inside the window. */
export function hasRecentFailure(recent: RecentResults, now: number, windowMs: number): boolean {
  const oldest = slotAt(now, windowMs) - slotsPerWindow;
  return recent.some((entry) => entry.slot > oldest && entry.failures > 0);
}

function slotAt(now: number, windowMs: number): number {
  return Math.floor(now / (windowMs / slotsPerWindow));
}
