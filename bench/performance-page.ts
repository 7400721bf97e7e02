import type { Setting } from "./machine.ts";
import { asMarkdown, type Table } from "./tables.ts";

const begin = "<!-- Written by `npm run bench -- --write` from here on: what is changed by hand is lost. -->";
const end = "<!-- Written by hand from here on. -->";

const newPage = `# Performance

What Olla costs, beside other proxies and beside none, measured in one run by \`npm run bench\`. What each figure is and how it is
measured: [bench/README.md](../bench/README.md). Read the ratios; times of one machine say little about another.

${begin}
${end}
`;

export interface PageParts {
  readonly setting: Setting;
  readonly rounds: number;
  readonly goals: Table;
  readonly scenarios: readonly Table[];
  /** File name of the plot, which lies beside the page. Undefined where there is nothing to draw. */
  readonly plot: string | undefined;
}

function renderParts({ setting, rounds, goals, scenarios, plot }: PageParts): string {
  const versions = Object.entries(setting.versions).map(([name, version]) => `${name} ${version}`);
  return [
    `${setting.date}, ${setting.machine}. Versions: ${versions.join("; ")}. Medians of ${rounds} rounds.`,
    ...(plot === undefined ? [] : [`![Olla's figures as ratios to other proxies' figures](${plot})`]),
    asMarkdown({ ...goals, title: "Goals" }).replace("### ", "## "),
    "## Figures",
    ...scenarios.map(asMarkdown),
  ].join("\n\n");
}

/**
 * The page with its measured part replaced; what stands before and after it is kept.
 * @param page undefined where there is none yet
 */
export function renderPage(page: string | undefined, parts: PageParts): string {
  const old = page ?? newPage;
  const [from, to] = [old.indexOf(begin), old.indexOf(end)];
  if (from < 0 || to < from)
    throw new Error("the page has lost the two lines between which results are written");
  return `${old.slice(0, from + begin.length)}\n\n${renderParts(parts)}\n\n${old.slice(to)}`;
}
