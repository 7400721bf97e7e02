/** One row of what a run of the client programs came to. */
export interface SummaryRow {
  readonly program: string;
  readonly scenario: string;
  readonly result: "passed" | "failed" | "skipped";
  readonly seconds: number;
}

const testcase = /<testcase ([^>]*?)(\/>|>([\s\S]*?)<\/testcase>)/g;

/** Reads Bun's report of a run. @param report JUnit XML */
export function readRows(report: string): readonly SummaryRow[] {
  const rows: SummaryRow[] = [];
  for (const [, written = "", , inside = ""] of report.matchAll(testcase)) {
    const result = inside.includes("<failure")
      ? "failed"
      : inside.includes("<skipped")
        ? "skipped"
        : "passed";
    const seconds = Number(attribute(written, "time"));
    // What a test file prepares is told of only where it failed.
    if (result !== "failed" && attribute(written, "name") === "(unnamed)") continue;
    rows.push({
      program: attribute(written, "classname").replace(/ \(skipped: .*\)$/, ""),
      scenario: attribute(written, "name"),
      result,
      seconds,
    });
  }
  return rows;
}

function attribute(written: string, name: string): string {
  const [, value = ""] = new RegExp(`(?:^|\\s)${name}="([^"]*)"`).exec(written) ?? [];
  return value
    .replaceAll("&apos;", "'")
    .replaceAll("&quot;", '"')
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&amp;", "&");
}

/** One line for each scenario of a program; recorded requests have one for each program's folder. */
export function renderTable(rows: readonly SummaryRow[]): string {
  const lines = [...rows.filter(({ program }) => !isRecorded(program)), ...foldRecorded(rows)];
  const programWidth = widest(lines.map(({ program }) => program));
  const scenarioWidth = widest(lines.map(({ scenario }) => scenario));
  return lines
    .map(({ program, scenario, result, seconds }) => {
      const time = result === "skipped" ? "" : `${seconds.toFixed(1)} s`;
      return `${program.padEnd(programWidth)} | ${scenario.padEnd(scenarioWidth)} | ${result.padEnd(7)} | ${time}`.trimEnd();
    })
    .join("\n");
}

/** As in `claude-code-2.1.329/tools.jsonl, line 2`. */
function isRecorded(program: string): boolean {
  return program.includes(".jsonl, line ");
}

function foldRecorded(rows: readonly SummaryRow[]): readonly SummaryRow[] {
  const recorded = rows.filter(({ program }) => isRecorded(program));
  const folders = Map.groupBy(recorded, ({ program }) => program.split("/")[0] ?? program);
  return [...folders].map(([folder, held]) => {
    const failed = held.filter(({ result }) => result === "failed").length;
    const requests = new Set(held.map(({ program }) => program)).size;
    const broken = failed === 0 ? "" : `, ${failed} rules broken`;
    const scenario = `recorded requests as chat completions: ${requests}${broken}`;
    const seconds = held.reduce((sum, row) => sum + row.seconds, 0);
    return { program: folder, scenario, result: failed === 0 ? "passed" : "failed", seconds } as const;
  });
}

function widest(texts: readonly string[]): number {
  return Math.max(0, ...texts.map((text) => text.length));
}
