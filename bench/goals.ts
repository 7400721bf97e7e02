import { figureOf, type Measured } from "./measurements.ts";

/** What is to be reached, of one figure of one scenario. */
export interface Goal {
  readonly text: string;
  readonly scenario: string;
  readonly figure: string;
  /** Whose figure. */
  readonly of: string;
  /** Put beside another's: divided by it, or what is left after it. Unset: the figure itself. */
  readonly beside?: { readonly how: "times" | "added to"; readonly peer: string };
  readonly limit: number;
  /** The limit is the least that is wanted, not the most. */
  readonly isFloor?: boolean;
  /** What would be better still; not checked. */
  readonly stretch?: number;
  /** No round may miss it. Unset: the median counts. */
  readonly isForEveryRound?: boolean;
  readonly unit: string;
  /** From the figure's unit to the goal's. */
  readonly factor?: number;
}

const timesNginx = { how: "times", peer: "nginx" } as const;
const timesHaproxy = { how: "times", peer: "haproxy" } as const;
const timesGo = { how: "times", peer: "olla-go" } as const;
const added = { how: "added to", peer: "direct" } as const;
const ratio = { of: "olla", unit: "×" } as const;
const addedMs = { of: "olla", beside: added, unit: "ms", factor: 1e-3 } as const;

/** A peer that takes part only where the user names it. */
export const optionalPeer = timesGo.peer;

const cpuText = "CPU per small request";
const rateText = "requests per second";

export const goals: readonly Goal[] = [
  { ...ratio, text: cpuText, scenario: "small", figure: "cpu", beside: timesNginx, limit: 1.6 },
  { ...ratio, text: cpuText, scenario: "small", figure: "cpu", beside: timesGo, limit: 0.25 },
  {
    ...ratio,
    text: rateText,
    scenario: "small",
    figure: "rate",
    beside: timesHaproxy,
    limit: 0.8,
    isFloor: true,
  },
  { ...ratio, text: rateText, scenario: "small", figure: "rate", beside: timesGo, limit: 3, isFloor: true },
  {
    ...ratio,
    text: "CPU per 50-chunk stream",
    scenario: "streams",
    figure: "cpu",
    beside: timesNginx,
    limit: 1.5,
    stretch: 1.35,
  },
  {
    ...ratio,
    text: "chunk lag p50, 200 streams",
    scenario: "streams",
    figure: "lag50",
    beside: timesNginx,
    limit: 1.5,
  },
  {
    ...ratio,
    text: "chunk lag p99, 200 streams",
    scenario: "streams",
    figure: "lag99",
    beside: timesNginx,
    limit: 1.5,
  },
  {
    ...addedMs,
    text: "time to first token p50, 1 client",
    scenario: "streams-1",
    figure: "first50",
    limit: 0.3,
  },
  {
    ...addedMs,
    text: "time to first token p99, 1 client",
    scenario: "streams-1",
    figure: "first99",
    limit: 0.6,
  },
  {
    ...addedMs,
    text: "latency of a small request p99, 1 client",
    scenario: "small-1",
    figure: "p99",
    limit: 0.3,
  },
  {
    of: "translated",
    text: "CPU per translated chunk",
    scenario: "translated",
    figure: "chunk",
    beside: { how: "times", peer: "olla" },
    limit: 2.5,
    unit: "×",
  },
  {
    of: "olla",
    text: "streams lost of 5,000",
    scenario: "many-streams",
    figure: "lost",
    limit: 0,
    unit: "",
    isForEveryRound: true,
  },
  {
    of: "olla",
    text: "streams open at once",
    scenario: "many-streams",
    figure: "open",
    limit: 5_000,
    isFloor: true,
    unit: "",
  },
  {
    of: "olla",
    text: "memory with 5,000 streams",
    scenario: "many-streams",
    figure: "rss",
    limit: 150,
    unit: "MiB",
  },
  {
    ...ratio,
    text: "time of a 20 MiB request",
    scenario: "big-body",
    figure: "wall",
    beside: timesGo,
    limit: 1,
  },
  {
    of: "olla",
    text: "memory for a 20 MiB request, in bodies",
    scenario: "big-body",
    figure: "growth",
    limit: 3,
    unit: "×",
  },
  {
    of: "olla",
    text: "small requests' p99 meanwhile",
    scenario: "big-body",
    figure: "small99",
    limit: 20,
    unit: "ms",
  },
  {
    of: "500 endpoints",
    text: "CPU per small request, 500 endpoints",
    scenario: "many-endpoints",
    figure: "cpu",
    beside: { how: "times", peer: "2 endpoints" },
    limit: 1.2,
    unit: "×",
  },
  { of: "olla", text: "idle memory", scenario: "idle", figure: "rss", limit: 50, unit: "MiB" },
  { of: "olla", text: "idle wake-ups", scenario: "idle", figure: "wakeUps", limit: 5, unit: "/s" },
  {
    of: "olla",
    text: "start to open port, endpoints down",
    scenario: "start",
    figure: "down",
    limit: 60,
    unit: "ms",
  },
  {
    of: "olla",
    text: "start to open port, endpoints up",
    scenario: "start",
    figure: "up",
    limit: 60,
    unit: "ms",
  },
  {
    of: "olla",
    text: "executable, compressed",
    scenario: "size",
    figure: "compressed",
    limit: 45,
    unit: "MiB",
  },
];

export type Verdict = "met" | "not met" | "not measured";

export interface Judgement {
  readonly goal: Goal;
  readonly verdict: Verdict;
  readonly value: number | undefined;
  /** Of the rounds, where there are several. */
  readonly range: readonly [lowest: number, highest: number] | undefined;
  /** It belongs to what the user wanted measured: where it is not, that is a failure. */
  readonly isAsked: boolean;
}

function put(goal: Goal, value: number, other: number | undefined): number | undefined {
  const factor = goal.factor ?? 1;
  if (goal.beside === undefined) return value * factor;
  if (other === undefined || (goal.beside.how === "times" && other === 0)) return undefined;
  return goal.beside.how === "times" ? value / other : (value - other) * factor;
}

function measuredOf(goal: Goal, measured: Measured | undefined): number | undefined {
  const value = figureOf(measured, goal.of, goal.figure);
  const other = goal.beside && figureOf(measured, goal.beside.peer, goal.figure);
  return value === undefined ? undefined : put(goal, value, other);
}

function valuesByRound(goal: Goal, measured: Measured | undefined): readonly number[] {
  const values = measured?.[goal.of]?.[goal.figure] ?? [];
  const others = goal.beside === undefined ? [] : measured?.[goal.beside.peer]?.[goal.figure];
  return values
    .map((value, round) => put(goal, value, others?.[round]))
    .filter((value) => value !== undefined);
}

function isReached({ limit, isFloor = false }: Goal, value: number): boolean {
  return isFloor ? value >= limit : value <= limit;
}

/** What was measured, by scenario. */
export type Results = Readonly<Record<string, Measured>>;

/** Compares results with the goals. Of scenarios that were run, everything counts as asked for but the optional peer. */
export function judge(
  results: Results,
  scenarios: readonly string[],
  peers: readonly string[],
): readonly Judgement[] {
  return goals.map((goal) => {
    const measured = results[goal.scenario];
    const value = measuredOf(goal, measured);
    const rounds = valuesByRound(goal, measured);
    const isPeerThere = goal.beside?.peer !== optionalPeer || peers.includes(optionalPeer);
    const counted = goal.isForEveryRound ? rounds : [value ?? Number.NaN];
    const verdict = counted.every((each) => isReached(goal, each)) ? "met" : "not met";
    return {
      goal,
      verdict: value === undefined || !Number.isFinite(value) ? "not measured" : verdict,
      value,
      range: rounds.length > 1 ? [Math.min(...rounds), Math.max(...rounds)] : undefined,
      isAsked: scenarios.includes(goal.scenario) && isPeerThere,
    };
  });
}

/** Those for which a check fails. */
export function failures(judgements: readonly Judgement[]): readonly Judgement[] {
  return judgements.filter(
    ({ verdict, isAsked }) => verdict === "not met" || (verdict === "not measured" && isAsked),
  );
}
