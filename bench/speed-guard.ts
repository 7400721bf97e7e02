// Whether a change has made Olla slow: its CPU beside that of the least that a proxy can do, in one run on one machine.
// Never a time by itself: machines that run CI differ, and each differs from hour to hour.

export const workKinds = ["small", "chunk"] as const;
export type WorkKind = (typeof workKinds)[number];

/** Microseconds of CPU for one small request, and for one chunk of a stream. */
export type Costs = Readonly<Record<WorkKind, number>>;

/** Both, measured one right after the other. */
export interface Round {
  readonly olla: Costs;
  readonly minimal: Costs;
}

/** How many times the CPU of the minimal proxy Olla may take. Wide: it is for mistakes, not for percents. */
export const ratioLimits: Costs = { small: 5, chunk: 4 };

export interface Judgement {
  readonly kind: WorkKind;
  /** The median of the rounds. */
  readonly ratio: number;
  readonly lowest: number;
  readonly highest: number;
  readonly limit: number;
  readonly isWithin: boolean;
}

/** @throws without rounds, or when one has measured nothing: no figures are no good figures */
export function judge(rounds: readonly Round[], limits: Costs = ratioLimits): Judgement[] {
  if (rounds.length === 0) throw new Error("nothing was measured");
  return workKinds.map((kind) => {
    const ratios = rounds.map(({ olla, minimal }) => olla[kind] / minimal[kind]).sort((a, b) => a - b);
    if (!ratios.every((ratio) => ratio > 0 && Number.isFinite(ratio)))
      throw new Error(`a round has no CPU time for ${kind}: ${ratios.join(", ")}`);
    const ratio = ratios[Math.floor(ratios.length / 2)] ?? Number.NaN;
    const [lowest = ratio, highest = ratio] = [ratios[0], ratios.at(-1)];
    return { kind, ratio, lowest, highest, limit: limits[kind], isWithin: ratio <= limits[kind] };
  });
}

export interface Looks {
  /** Rounds of the first look. */
  readonly first: number;
  /** Rounds of the second one, which there is when the first is bad. */
  readonly second: number;
  readonly limits?: Costs;
  /** Gets a bad first look. */
  readonly onBadLook?: (judgements: readonly Judgement[]) => void;
}

/** When the first look is bad a second, longer one counts in its place: a busy neighbour looks the same as a slow Olla. */
export async function judgeTwice(
  measure: (rounds: number) => Promise<readonly Round[]>,
  { first, second, limits = ratioLimits, onBadLook }: Looks,
): Promise<Judgement[]> {
  const judgements = judge(await measure(first), limits);
  if (judgements.every(({ isWithin }) => isWithin)) return judgements;
  onBadLook?.(judgements);
  return judge(await measure(second), limits);
}

export function describeJudgement({ kind, ratio, lowest, highest, limit }: Judgement): string {
  const work = kind === "small" ? "small request" : "streamed chunk";
  const range = `${lowest.toFixed(2)} to ${highest.toFixed(2)}`;
  return `CPU per ${work}: ${ratio.toFixed(2)} times that of a minimal proxy (${range}); limit ${limit.toFixed(2)}`;
}
