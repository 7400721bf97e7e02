import type { JsonObject } from "../lib/json.ts";
import { formatCount, formatMs } from "./figures.ts";
import { numberAt, optionalNumberAt, textAt } from "./fleet-view.ts";
import { fit, widthOf } from "./safe-text.ts";
import type { Column } from "./table.ts";
import type { Painter } from "./terminal.ts";

/** One ended request as the list shows it; texts are harmless. */
export interface RequestLine {
  readonly id: string;
  /** Milliseconds since the epoch; undefined where it can't be read. */
  readonly time: number | undefined;
  readonly method: string;
  readonly path: string;
  readonly dialect: string;
  readonly isStream: boolean;
  readonly key: string;
  readonly client: string;
  readonly alias: string;
  readonly model: string;
  readonly endpoint: string;
  readonly kind: string;
  readonly tier: string;
  readonly status: number;
  readonly ending: string;
  readonly errorCode: string;
  readonly error: string;
  readonly attempts: number;
  readonly failed: string;
  readonly queueMs: number;
  readonly ttftMs: number | undefined;
  readonly durationMs: number;
  readonly inputTokens: number | undefined;
  readonly outputTokens: number | undefined;
  readonly cachedTokens: number | undefined;
  readonly tokensPerSec: number | undefined;
  readonly sticky: string;
  readonly mode: string;
}

/** Reads what another Olla, of another version perhaps, has said. Never throws. */
export function readRequest(row: JsonObject): RequestLine {
  return {
    id: textAt(row, "id"),
    time: readTime(row.time),
    method: textAt(row, "method"),
    path: textAt(row, "path"),
    dialect: textAt(row, "dialect"),
    isStream: row.stream === true,
    key: textAt(row, "key"),
    client: textAt(row, "client"),
    alias: textAt(row, "alias"),
    model: textAt(row, "model"),
    endpoint: textAt(row, "endpoint"),
    kind: textAt(row, "backend_type"),
    tier: textAt(row, "tier"),
    status: numberAt(row, "status"),
    ending: textAt(row, "ending"),
    errorCode: textAt(row, "error_code"),
    error: textAt(row, "error"),
    attempts: numberAt(row, "attempts"),
    failed: textAt(row, "failed"),
    queueMs: numberAt(row, "queue_ms"),
    ttftMs: optionalNumberAt(row, "ttft_ms"),
    durationMs: numberAt(row, "duration_ms"),
    inputTokens: optionalNumberAt(row, "input_tokens"),
    outputTokens: optionalNumberAt(row, "output_tokens"),
    cachedTokens: optionalNumberAt(row, "cached_tokens"),
    tokensPerSec: optionalNumberAt(row, "tokens_per_sec"),
    sticky: textAt(row, "sticky"),
    mode: textAt(row, "mode"),
  };
}

function readTime(value: unknown): number | undefined {
  const time = typeof value === "string" ? Date.parse(value) : value;
  return typeof time === "number" && Number.isFinite(time) ? time : undefined;
}

/** In this machine's time zone; with the day where it is another one than `now`'s. */
export function formatMoment(time: number | undefined, now: number): string {
  if (time === undefined) return "";
  const moment = new Date(time);
  const two = (value: number) => String(value).padStart(2, "0");
  const clock = [moment.getHours(), moment.getMinutes(), moment.getSeconds()].map(two).join(":");
  if (moment.toDateString() === new Date(now).toDateString()) return clock;
  return `${two(moment.getMonth() + 1)}-${two(moment.getDate())} ${clock}`;
}

/** How it ended, in a few words: the status alone where all went well. */
export function describeEnding({ status, ending, errorCode }: RequestLine): string {
  const isPlain = ending === "complete" && errorCode === "";
  return isPlain ? String(status) : `${status} ${errorCode || ending}`;
}

export function endingPaint({ status, ending }: RequestLine): keyof Painter {
  if (ending === "client-abort" || ending === "cancelled") return "yellow";
  if (ending === "complete" && status < 400) return "green";
  return status >= 400 && status < 500 ? "yellow" : "red";
}

export function formatPlace({
  model,
  endpoint,
  path,
}: Pick<RequestLine, "model" | "endpoint" | "path">): string {
  if (endpoint === "") return model || path;
  return `${model} → ${endpoint}`.trimStart();
}

/** @param now milliseconds since the epoch, to leave out today's date */
export function requestColumns(painter: Painter, now: number): readonly Column<RequestLine>[] {
  return [
    { title: "TIME", importance: 17, cell: (row) => formatMoment(row.time, now), paint: painter.dim },
    { title: "ID", importance: 16, minWidth: 28, usualWidth: 28, cell: (row) => row.id },
    {
      title: "MODEL → ENDPOINT",
      importance: 20,
      minWidth: 22,
      usualWidth: 28,
      cell: formatPlace,
      // Names of models are long, and mostly alike.
      cut: (row, width) =>
        formatPlace({ ...row, model: fit(row.model, Math.max(6, width - 3 - widthOf(row.endpoint))) }),
    },
    {
      title: "STATUS",
      importance: 19,
      minWidth: 9,
      usualWidth: 16,
      cell: describeEnding,
      paint: (text, row) => painter[endingPaint(row)](text),
    },
    {
      title: "TRIES",
      align: "right",
      importance: 9,
      cell: ({ attempts }) => (attempts > 1 ? String(attempts) : ""),
      paint: painter.yellow,
    },
    {
      title: "QUEUE",
      align: "right",
      importance: 10,
      cell: ({ queueMs }) => (queueMs >= 1 ? formatMs(queueMs) : ""),
    },
    {
      title: "TTFT",
      usualWidth: 5,
      align: "right",
      importance: 12,
      cell: ({ ttftMs }) => (ttftMs === undefined ? "" : formatMs(ttftMs)),
    },
    {
      title: "TOOK",
      usualWidth: 5,
      align: "right",
      importance: 18,
      cell: ({ durationMs }) => formatMs(durationMs),
    },
    {
      title: "TOKENS",
      usualWidth: 10,
      align: "right",
      importance: 6,
      cell: ({ inputTokens, outputTokens }) =>
        inputTokens === undefined && outputTokens === undefined
          ? ""
          : `${formatCount(inputTokens ?? 0)}+${formatCount(outputTokens ?? 0)}`,
    },
    {
      title: "TOK/S",
      align: "right",
      importance: 5,
      cell: ({ tokensPerSec }) =>
        tokensPerSec === undefined ? "" : tokensPerSec.toFixed(tokensPerSec < 10 ? 1 : 0),
    },
    { title: "KEY", importance: 3, cell: ({ key }) => key },
  ];
}
