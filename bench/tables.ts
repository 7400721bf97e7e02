import type { Goal, Judgement, Results } from "./goals.ts";
import { type FigureKind, figureOf, type Measured } from "./measurements.ts";
import type { Scenario } from "./scenario.ts";

/** A header and rows of as many cells; the first column is text, the others are numbers. */
export interface Table {
  readonly title: string;
  readonly header: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

function withThousands(value: number, digits: number): string {
  return value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

function figureRow(measured: Measured, peers: readonly string[], figure: string, kind: FigureKind) {
  const values = peers.map((peer) => figureOf(measured, peer, figure));
  const [ours] = values;
  const ratios = values.slice(1).map((theirs) => {
    return ours === undefined || theirs === undefined || theirs === 0 ? "-" : (ours / theirs).toFixed(2);
  });
  const shown = values.map((value) => (value === undefined ? "-" : withThousands(value, kind.digits)));
  const unit = kind.unit === "" ? "" : ` (${kind.unit})`;
  return [`${kind.label}${unit}`, ...shown, ...ratios];
}

/** The medians of a scenario, its subject's first and then as ratios to the others'. */
export function scenarioTable(scenario: Scenario, measured: Measured): Table {
  const all = Object.keys(measured);
  const { subject = "olla" } = scenario;
  const peers = [subject, ...all.filter((name) => name !== subject)];
  const figures = Object.entries(scenario.figures).filter(([figure]) =>
    peers.some((peer) => measured[peer]?.[figure] !== undefined),
  );
  return {
    title: `${scenario.name}: ${scenario.title}`,
    header: ["", ...peers, ...peers.slice(1).map((other) => `${peers[0]} : ${other}`)],
    rows: figures.map(([figure, kind]) => figureRow(measured, peers, figure, kind)),
  };
}

/** One table for each scenario that was run. */
export function scenarioTables(scenarios: readonly Scenario[], results: Results): readonly Table[] {
  return scenarios.flatMap((scenario) => {
    const measured = results[scenario.name];
    return measured === undefined ? [] : [scenarioTable(scenario, measured)];
  });
}

function amount(value: number, unit: string): string {
  const digits = unit === "×" || unit === "ms" ? 2 : unit === "" ? 0 : 1;
  const text = withThousands(value, digits);
  return unit === "" || unit === "×" ? text : `${text} ${unit}`;
}

function limitOf({ limit, isFloor = false, beside, unit, stretch }: Goal): string {
  const what =
    beside?.how === "times" ? `${limit} × ${beside.peer}` : `${limit.toLocaleString("en-US")} ${unit}`.trim();
  const better = stretch === undefined ? "" : ` (better: ${stretch})`;
  return `${isFloor ? "at least" : "at most"} ${what}${better}`;
}

/** Each goal, what came out, and how far the rounds lay apart. */
export function goalTable(judgements: readonly Judgement[]): Table {
  return {
    title: "Goals",
    header: ["", "goal", "measured", "rounds", ""],
    rows: judgements.map(({ goal, value, range, verdict }) => {
      const name = goal.beside?.how === "added to" ? `${goal.text}, added` : goal.text;
      const isKnown = value !== undefined && verdict !== "not measured";
      const rounds = range?.map((each) => amount(each, goal.unit)).join(" to ") ?? "";
      return [name, limitOf(goal), isKnown ? amount(value, goal.unit) : "-", isKnown ? rounds : "", verdict];
    }),
  };
}

/** For a terminal. */
export function asText({ title, header, rows }: Table): string {
  const all = [header, ...rows];
  const widths = header.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  const lines = all.map((row) => {
    const cells = row.map((cell, column) => {
      const width = widths[column] ?? 0;
      return column === 0 ? cell.padEnd(width) : cell.padStart(width);
    });
    return cells.join("  ").trimEnd();
  });
  return [title, ...lines].join("\n");
}

/** For a page. */
export function asMarkdown({ title, header, rows }: Table): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  const rule = header.map((_, column) => (column === 0 ? "---" : "---:"));
  return [`### ${title}`, "", line(header), line(rule), ...rows.map(line)].join("\n");
}
