import { useEffect, useRef, useState } from "preact/hooks";
import uPlot from "uplot";

export interface Line {
  readonly label: string;
  readonly values: readonly (number | null)[];
  /** Name of a CSS variable without `--`. */
  readonly colour: string;
  readonly isFilled?: boolean;
}

interface ChartProps {
  readonly title: string;
  /** Seconds since the epoch. */
  readonly times: readonly number[];
  readonly lines: readonly Line[];
  readonly format: (value: number) => string;
}

const heightPx = 130;
const shownSeconds = 300;
/** How often lines move for those who want little to move. */
const calmSeconds = 10;

function isCalm(): boolean {
  return window.matchMedia("(prefers-reduced-motion: reduce)").matches;
}

function cssColour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

/** Lines over the last minutes. What it shows is said in words as well: now, or where the pointer is. */
export function Chart({ title, times, lines, format }: ChartProps) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | undefined>(undefined);
  const [at, setAt] = useState<number | null>(null);
  // What the drawing calls back for has to be of the latest rendering, and not of the first one.
  const latestFormat = useRef(format);
  latestFormat.current = format;

  useEffect(() => {
    const target = place.current;
    if (target === null) return undefined;
    const created = new uPlot(
      optionsFor(lines, target.clientWidth, (value) => latestFormat.current(value), setAt),
      dataOf(times, lines),
      target,
    );
    plot.current = created;
    const resize = new ResizeObserver(() => {
      if (target.clientWidth > 0) created.setSize({ width: target.clientWidth, height: heightPx });
    });
    resize.observe(target);
    const redraw = () => created.redraw(false);
    const system = window.matchMedia("(prefers-color-scheme: dark)");
    window.addEventListener("olla-theme", redraw);
    system.addEventListener("change", redraw);
    return () => {
      resize.disconnect();
      window.removeEventListener("olla-theme", redraw);
      system.removeEventListener("change", redraw);
      created.destroy();
    };
  }, []);

  useEffect(() => {
    const newest = times.at(-1) ?? 0;
    if (isCalm() && newest % calmSeconds !== 0) return;
    plot.current?.setData(dataOf(times, lines));
  }, [times]);

  const index = at ?? times.length - 1;
  const readOut = lines
    .map(({ label, values }) => `${label} ${formatMaybe(values[index], format)}`)
    .join(", ");
  return (
    <figure class="card chart">
      <figcaption>
        <h2>{title}</h2>
        <ul>
          {lines.map(({ label, values, colour }) => (
            <li key={label}>
              <span class={`key ${colour}`} aria-hidden="true" />
              {label} <b>{formatMaybe(values[index], format)}</b>
            </li>
          ))}
          <li class="quiet">{at === null ? "now" : `${times.length - 1 - at} s ago`}</li>
        </ul>
      </figcaption>
      <div ref={place} class="plot" role="img" aria-label={`${title}, last five minutes. ${readOut}`} />
    </figure>
  );
}

function formatMaybe(value: number | null | undefined, format: (value: number) => string): string {
  return value === null || value === undefined ? "–" : format(value);
}

function dataOf(times: readonly number[], lines: readonly Line[]): uPlot.AlignedData {
  return [[...times], ...lines.map(({ values }) => [...values])] as uPlot.AlignedData;
}

function optionsFor(
  lines: readonly Line[],
  width: number,
  format: (value: number) => string,
  onPoint: (index: number | null) => void,
): uPlot.Options {
  const axis: uPlot.Axis = {
    stroke: () => cssColour("quiet"),
    grid: { stroke: () => cssColour("line"), width: 1 },
    ticks: { show: false },
    font: "11px system-ui, sans-serif",
  };
  return {
    width,
    height: heightPx,
    padding: [8, 26, 0, 0],
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false }, points: { size: 5 } },
    scales: {
      x: { time: true, range: (_plot, _min, max) => [(max ?? 0) - shownSeconds, max ?? 0] },
      y: { range: (_plot, _min, max) => [0, Math.max(1, (max ?? 0) * 1.1)] },
    },
    axes: [
      { ...axis, values: (_plot, splits) => splits.map(clockTime), space: 70, size: 22 },
      { ...axis, values: (_plot, splits) => splits.map(format), space: 32, size: 52 },
    ],
    series: [
      {},
      ...lines.map(({ label, colour, isFilled = false }) => ({
        label,
        width: 1.5,
        stroke: () => cssColour(colour),
        ...(isFilled && { fill: () => `color-mix(in srgb, ${cssColour(colour)} 14%, transparent)` }),
        points: { show: false },
        spanGaps: false,
      })),
    ],
    hooks: { setCursor: [(plot) => onPoint(plot.cursor.idx ?? null)] },
  };
}

function clockTime(seconds: number): string {
  return new Date(seconds * 1000).toLocaleTimeString("en-GB", {
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
  });
}
