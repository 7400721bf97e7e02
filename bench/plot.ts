import type { Judgement } from "./goals.ts";

/** One ratio, and the goal that it has. */
export interface Bar {
  readonly label: string;
  readonly value: number;
  readonly goal: number;
  readonly isMet: boolean;
}

const width = 900;
const rowHeight = 26;
const top = 58;
const bottom = 46;
const left = 400;
const right = 70;
/** A doubling to either side is as far as the other. */
const ticks = [1 / 8, 1 / 4, 1 / 2, 1, 2, 4, 8];
const farthest = 8;

/** Colours for either background; a page that shows the file as an image tells it which one by the reader's setting. */
const style = `
    text { font: 13px system-ui, sans-serif; fill: #24292f }
    .small { font-size: 12px; fill: #57606a }
    .grid { stroke: #d0d7de }
    .one { stroke: #57606a }
    .met { fill: #2f81d7 }
    .missed { fill: #d1742f }
    .goal { stroke: #24292f; stroke-width: 2.5 }
    @media (prefers-color-scheme: dark) {
      text { fill: #e6edf3 }
      .small { fill: #9da7b1 }
      .grid { stroke: #30363d }
      .one { stroke: #9da7b1 }
      .met { fill: #58a6ff }
      .missed { fill: #f0883e }
      .goal { stroke: #e6edf3 }
    }`;

function asXml(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}

function across(value: number): number {
  const clamped = Math.min(farthest, Math.max(1 / farthest, value));
  const span = width - left - right;
  return left + (span * (Math.log2(clamped) + Math.log2(farthest))) / (2 * Math.log2(farthest));
}

function round(value: number): string {
  return value.toFixed(1);
}

function tickLabel(value: number): string {
  return value < 1 ? `1/${1 / value}` : String(value);
}

function drawTick(value: number, height: number): string {
  const x = round(across(value));
  const kind = value === 1 ? "one" : "grid";
  return `  <line class="${kind}" x1="${x}" x2="${x}" y1="${top - 6}" y2="${height - bottom}"/>
  <text class="small" x="${x}" y="${height - bottom + 18}" text-anchor="middle">${tickLabel(value)}</text>`;
}

function drawBar({ label, value, goal, isMet }: Bar, index: number): string {
  const y = top + index * rowHeight;
  const [from, to] = [across(1), across(value)].sort((one, other) => one - other) as [number, number];
  const middle = y + rowHeight / 2 + 4;
  const goalAt = round(across(goal));
  // Beyond the goal's mark as well, so that the two never lie on each other.
  const textAt = round(Math.max(to, across(1), across(goal)) + 8);
  return `  <text x="${left - 12}" y="${middle}" text-anchor="end">${asXml(label)}</text>
  <rect class="${isMet ? "met" : "missed"}" x="${round(from)}" y="${y + 5}" width="${round(Math.max(1, to - from))}" height="${rowHeight - 10}" rx="2"/>
  <line class="goal" x1="${goalAt}" x2="${goalAt}" y1="${y + 2}" y2="${y + rowHeight - 2}"/>
  <text class="small" x="${textAt}" y="${middle}">${value.toFixed(2)}</text>`;
}

/** A bar chart of ratios on a logarithmic scale, 1 in the middle, with a mark where each goal is. */
export function drawPlot(title: string, subtitle: string, bars: readonly Bar[]): string {
  const height = top + bars.length * rowHeight + bottom;
  const legend = "thick mark: the goal · blue: met · orange: not met · scale: doublings";
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${asXml(title)}">
  <style>${style}
  </style>
  <text x="12" y="22" font-weight="600">${asXml(title)}</text>
  <text class="small" x="12" y="40">${asXml(subtitle)}</text>
${ticks.map((tick) => drawTick(tick, height)).join("\n")}
${bars.map(drawBar).join("\n")}
  <text class="small" x="12" y="${height - 10}">${asXml(legend)}</text>
</svg>
`;
}

/** The goals that are ratios to another proxy, as far as they were measured. */
export function barsOf(judgements: readonly Judgement[]): readonly Bar[] {
  return judgements.flatMap(({ goal, value, verdict }) => {
    if (goal.of !== "olla" || goal.beside?.how !== "times") return [];
    if (value === undefined || verdict === "not measured") return [];
    const label = `${goal.text} : ${goal.beside.peer}${goal.isFloor ? " (more is better)" : ""}`;
    return [{ label, value, goal: goal.limit, isMet: verdict === "met" }];
  });
}
