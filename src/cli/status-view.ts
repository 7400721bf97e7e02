import { formatAmount, formatCount, formatMs, formatRate, formatSeconds } from "./figures.ts";
import type { AliasLine, EndpointLine, FleetView, ModelLine } from "./fleet-view.ts";
import type { Rates } from "./rate-window.ts";
import { fit, widthOf } from "./safe-text.ts";
import { type Column, formatHeading, formatRow, layOut } from "./table.ts";
import type { Painter } from "./terminal.ts";

export interface StatusOptions {
  /** The address that was asked. */
  readonly shown: string;
  readonly painter: Painter;
  /** Cells of a line; no line gets longer. */
  readonly width: number;
  /** Lines there is room for; what does not fit is counted instead. Undefined: as many as it takes. */
  readonly height?: number | undefined;
  /** While watching; `none` before there is anything to compare with. */
  readonly rates?: Rates | "none" | undefined;
  /** When the latest look failed: the rest is as old as this. */
  readonly silence?: { readonly reason: string; readonly ageMs: number } | undefined;
}

/** Everything a person wants to know at a glance, line by line, without line breaks. */
export function renderStatus(fleet: FleetView, options: StatusOptions): string[] {
  const head = renderHead(fleet, options);
  const height = options.height ?? Number.POSITIVE_INFINITY;
  // Each section costs an empty line and a heading. Endpoints come first, then aliases, which are few, then models.
  const headings = 2;
  let room = height - head.length;
  const endpoints = renderEndpoints(fleet.endpoints, options, room - headings);
  room -= endpoints.length;
  const aliasRoom = Number.isFinite(room) ? Math.min(4, Math.floor(room / 2) - headings) : room;
  const aliases = renderAliases(fleet.aliases, options, aliasRoom);
  room -= aliases.length;
  return [...head, ...endpoints, ...renderModels(fleet.models, options, room - headings), ...aliases];
}

type Segment = readonly [text: string, paint?: ((text: string) => string) | undefined];

const separator = " · ";

/** As many of them as there is room for. */
function joinSegments(segments: readonly Segment[], width: number, painter: Painter): string {
  let line = "";
  let used = 0;
  for (const [text, paint] of segments) {
    if (text === "") continue;
    const lead = used === 0 ? "" : separator;
    const room = width - used - lead.length;
    if (used > 0 && widthOf(text) > room) break;
    const shown = fit(text, room);
    line += painter.dim(lead) + (paint?.(shown) ?? shown);
    used += lead.length + widthOf(shown);
  }
  return line;
}

function renderHead(fleet: FleetView, options: StatusOptions): string[] {
  const { painter, width, shown, rates, silence } = options;
  const lines = [
    joinSegments(
      [
        [`Olla ${fleet.version}`, painter.bold],
        ...(silence === undefined ? describeSystem(fleet, painter) : describeAge(silence.ageMs, painter)),
        [shown],
      ],
      width,
      painter,
    ),
    joinSegments(
      [
        [`${fleet.endpointsUp} endpoints up`],
        [`${formatCount(fleet.inFlight)} in flight`],
        [fleet.waiting === 0 ? "" : `${formatCount(fleet.waiting)} waiting`, painter.yellow],
        [`${fleet.engine} engine`],
        [`${fleet.balancer} balancer`],
      ],
      width,
      painter,
    ),
    joinSegments(describeTotals(fleet, painter), width, painter),
  ];
  // In place of the rates, so that nothing below moves.
  if (silence !== undefined) lines.push(painter.red(fit(silence.reason, width)));
  else if (rates !== undefined) lines.push(joinSegments(describeRates(rates, painter), width, painter));
  if (fleet.configProblem !== "") lines.push(painter.yellow(fit(`▲ ${fleet.configProblem}`, width)));
  return lines;
}

function describeSystem({ system, uptime }: FleetView, painter: Painter): Segment[] {
  const paint = { healthy: painter.green, degraded: painter.yellow }[system] ?? painter.red;
  return [[`${system === "healthy" ? "●" : "○"} ${system}`, paint], [`up ${uptime}`]];
}

function describeAge(ageMs: number, painter: Painter): Segment[] {
  return [[`○ no answer for ${formatSeconds(ageMs)}: this is how it was`, painter.red]];
}

function describeTotals(fleet: FleetView, painter: Painter): Segment[] {
  if (fleet.requests === 0) return [["no requests yet", painter.dim]];
  const { failures } = fleet;
  return [
    [formatAmount(fleet.requests, "request")],
    [`${fleet.success} ok`],
    [failures === 0 ? "" : `${formatCount(failures)} failed`, painter.red],
    [`tokens ${formatCount(fleet.inputTokens)} in, ${formatCount(fleet.outputTokens)} out`],
  ];
}

function describeRates(rates: Rates | "none", painter: Painter): Segment[] {
  if (rates === "none")
    return [
      ["rates come with the next look", painter.dim],
      ["q quits", painter.dim],
    ];
  return [
    [`last ${formatSeconds(rates.overMs)}`, painter.dim],
    [`${formatRate(rates.requests)} requests/s`, painter.bold],
    [`${formatRate(rates.tokens)} tokens/s`, painter.bold],
    [`${formatRate(rates.errors)} errors/s`, rates.errors > 0 ? painter.red : undefined],
    ["q quits", painter.dim],
  ];
}

interface Mark {
  readonly glyph: string;
  readonly paint: keyof Painter;
}

const marks: Readonly<Record<string, Mark>> = {
  healthy: { glyph: "●", paint: "green" },
  busy: { glyph: "●", paint: "yellow" },
  warming: { glyph: "◐", paint: "yellow" },
  draining: { glyph: "◐", paint: "yellow" },
  unknown: { glyph: "◌", paint: "dim" },
};
const down: Mark = { glyph: "○", paint: "red" };

/** In one word; that an operator has taken it out says more than that it is well. */
function stateOf(endpoint: EndpointLine): string {
  if (!endpoint.isDraining) return endpoint.status;
  return endpoint.status === "healthy" ? "draining" : `draining, ${endpoint.status}`;
}

function markOf(endpoint: EndpointLine): Mark {
  const isUp = ["healthy", "busy", "warming"].includes(endpoint.status);
  return marks[endpoint.isDraining && isUp ? "draining" : endpoint.status] ?? down;
}

function endpointColumns(painter: Painter): readonly Column<EndpointLine>[] {
  return [
    {
      title: "ENDPOINT",
      importance: 20,
      minWidth: 14,
      usualWidth: 26,
      cell: (row) => `${markOf(row).glyph} ${row.name}`,
      paint: (text, row) => text.replace(/^\S+/, (glyph) => painter[markOf(row).paint](glyph)),
    },
    { title: "KIND", importance: 4, cell: (row) => row.kind },
    {
      title: "STATUS",
      importance: 19,
      cell: stateOf,
      paint: (text, row) => painter[markOf(row).paint](text),
    },
    {
      title: "BREAKER",
      importance: 15,
      cell: (row) =>
        [
          row.breaker,
          row.brokenModels === 0 ? "" : `${formatAmount(row.brokenModels, "model")} open`,
          row.isCooling ? "cooling" : "",
        ]
          .filter((part) => part !== "")
          .join(", "),
      paint: painter.red,
    },
    {
      title: "RUN",
      align: "right",
      importance: 18,
      cell: ({ running, limit }) => (limit === undefined ? `${running}` : `${running}/${limit}`),
      paint: (text, { running, limit = Number.POSITIVE_INFINITY }) =>
        running >= limit ? painter.yellow(text) : text,
    },
    {
      title: "QUEUE",
      align: "right",
      importance: 12,
      cell: ({ waiting }) => (waiting === undefined ? "" : formatCount(waiting)),
      paint: (text, { waiting = 0 }) => (waiting > 0 ? painter.yellow(text) : text),
    },
    { title: "REQS", align: "right", importance: 14, cell: ({ requests }) => formatCount(requests) },
    {
      title: "OK",
      align: "right",
      importance: 13,
      cell: ({ success }) => success,
      paint: (text, { success }) => (success === "100%" || success === "" ? text : painter.yellow(text)),
    },
    {
      title: "AVG",
      align: "right",
      importance: 11,
      cell: ({ latencyMs }) => (latencyMs === undefined ? "" : formatMs(latencyMs)),
    },
    { title: "MODELS", align: "right", importance: 5, cell: ({ models }) => String(models) },
    { title: "ISSUES", importance: 1, cell: ({ issues }) => issues, paint: painter.yellow },
  ];
}

function modelColumns(painter: Painter): readonly Column<ModelLine>[] {
  return [
    { title: "MODEL", importance: 20, minWidth: 30, usualWidth: 44, cell: (row) => row.name },
    { title: "SIZE", align: "right", importance: 1, cell: (row) => row.size },
    { title: "AT", importance: 13, minWidth: 14, usualWidth: 20, cell: (row) => row.places.join(", ") },
    {
      title: "LOADED AT",
      importance: 12,
      minWidth: 10,
      cell: ({ loadedAt, places }) => {
        if (loadedAt === undefined) return "";
        if (loadedAt.length === 0) return "nowhere";
        return loadedAt.length === places.length && places.length > 1 ? "all" : loadedAt.join(", ");
      },
      paint: (text, { loadedAt }) => (loadedAt?.length ? painter.green(text) : painter.dim(text)),
    },
    { title: "TOKENS IN", align: "right", importance: 10, cell: (row) => tokens(row, row.inputTokens) },
    { title: "OUT", align: "right", importance: 11, cell: (row) => tokens(row, row.outputTokens) },
  ];
}

function tokens(row: ModelLine, count: number): string {
  return row.inputTokens + row.outputTokens === 0 ? "" : formatCount(count);
}

function renderEndpoints(rows: readonly EndpointLine[], options: StatusOptions, room: number): string[] {
  if (rows.length === 0)
    return ["", fit("No endpoints: Olla has nobody to send requests to.", options.width)];
  return renderSection(endpointColumns(options.painter), rows, "endpoint", options, room);
}

function renderModels(rows: readonly ModelLine[], options: StatusOptions, room: number): string[] {
  if (rows.length === 0) return [];
  return renderSection(modelColumns(options.painter), rows, "model", options, room);
}

function renderSection<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  thing: string,
  { width, painter }: StatusOptions,
  room: number,
): string[] {
  // A heading and nothing below it but how much is missing says less than nothing.
  if (room < Math.min(2, rows.length)) return [];
  const shown = rows.length <= room ? rows : rows.slice(0, room - 1);
  // Of all of them, so that columns stay where they are when a window grows.
  const layout = layOut(columns, rows, width);
  const rest = rows.length - shown.length;
  return [
    "",
    painter.bold(formatHeading(layout)),
    ...shown.map((row) => formatRow(layout, row)),
    ...(rest === 0 ? [] : [painter.dim(fit(`and ${formatAmount(rest, `more ${thing}`)}`, width))]),
  ];
}

function renderAliases(
  rows: readonly AliasLine[],
  { width, painter }: StatusOptions,
  room: number,
): string[] {
  if (rows.length === 0 || room < 1) return [];
  const shown = rows.length <= room ? rows : rows.slice(0, room - 1);
  const rest = rows.length - shown.length;
  return [
    "",
    painter.bold("ALIAS"),
    ...shown.map(({ name, targets }) => fit(`${name} → ${targets.join(" | ")}`, width)),
    ...(rest === 0 ? [] : [painter.dim(`and ${rest} more`)]),
  ];
}
