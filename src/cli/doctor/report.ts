import { formatAmount, formatMs } from "../figures.ts";
import { fit, harmless, padTo, widthOf } from "../safe-text.ts";
import type { Painter } from "../terminal.ts";
import type { EndpointReport } from "./examine.ts";
import type { Step } from "./step.ts";

export interface ReportStyle {
  readonly painter: Painter;
  /** Cells of a line. */
  readonly width: number;
}

const nameWidth = 8;
const timeWidth = 7;
/** Times stand close enough to what took them. */
const widest = 100;

/** One endpoint, step by step. */
export function renderEndpoint(report: EndpointReport, style: ReportStyle): string[] {
  const { painter } = style;
  const heading = `${painter.bold(harmless(report.name))}  ${harmless(report.url)} (${report.type})`;
  return [heading, ...report.steps.flatMap((step) => renderStep(step, style))];
}

export function renderNote(note: Pick<Step, "text" | "cure">, { painter }: ReportStyle): string[] {
  return [`${painter.yellow("!")} ${note.text}`, ...(note.cure === undefined ? [] : [`  → ${note.cure}`])];
}

/** What it comes to, in one line. */
export function renderVerdict(reports: readonly EndpointReport[], { painter }: ReportStyle): string {
  const ill = reports.filter(({ isWell }) => !isWell).length;
  if (ill === 0) return painter.green(`${formatAmount(reports.length, "endpoint")}: all well`);
  return painter.red(`${formatAmount(reports.length, "endpoint")}: something is wrong with ${ill}`);
}

function renderStep({ name, verdict, text, cure, tookMs }: Step, { painter, width }: ReportStyle): string[] {
  const mark = { well: painter.green("✓"), note: painter.yellow("!"), wrong: painter.red("✗") }[verdict];
  const room = Math.max(20, Math.min(width, widest) - nameWidth - timeWidth - 6);
  // What is wrong is never cut: it is what was asked for.
  const shown = verdict === "well" ? fit(text, room) : text;
  const time = tookMs === undefined ? "" : padTo(formatMs(tookMs), timeWidth, "right");
  const gap = " ".repeat(Math.max(1, room - widthOf(shown)));
  const line = `  ${mark} ${padTo(name, nameWidth)} ${shown}${time === "" ? "" : gap + painter.dim(time)}`;
  return [line, ...(cure === undefined ? [] : [`    → ${cure}`])];
}
