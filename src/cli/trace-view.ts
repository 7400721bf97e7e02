import { helpFor, isErrorCode } from "../errors.ts";
import type { JsonObject } from "../lib/json.ts";
import { formatAmount, formatCount, formatMs } from "./figures.ts";
import { numberAt, objectAt, objectsAt, optionalNumberAt, textAt } from "./fleet-view.ts";
import { describeEnding, endingPaint, formatMoment, type RequestLine, readRequest } from "./request-view.ts";
import { fit, padTo, widthOf } from "./safe-text.ts";
import type { Painter } from "./terminal.ts";

export interface TraceOptions {
  readonly painter: Painter;
  /** Cells of a line. */
  readonly width: number;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

const indent = "  ";

/** The answer of `/internal/requests/{id}` in plain words, line by line. */
export function renderTrace(body: JsonObject, options: TraceOptions): string[] {
  const request = readRequest(objectAt(body, "request"));
  const trace = objectAt(body, "trace");
  const sections = [
    renderHead(request, options),
    renderTimes(request, trace, options),
    renderCandidates(trace, options),
    renderAttempts(request, trace, options),
    renderNamesakes(numberAt(body, "others"), options),
  ];
  return sections
    .filter((lines) => lines.length > 0)
    .flatMap((lines, index) => (index === 0 ? lines : ["", ...lines]));
}

function renderHead(request: RequestLine, { painter, width, now }: TraceOptions): string[] {
  const ended = describeEnding(request);
  const facts: (readonly [string, string, keyof Painter | undefined])[] = [
    ["when", `${formatMoment(request.time, now)}, took ${formatMs(request.durationMs)}`, undefined],
    ["asked", `${request.method} ${request.path}${request.isStream ? ", as a stream" : ""}`, undefined],
    ["by", [request.client, request.key && `key ${request.key}`].filter(Boolean).join(", "), undefined],
    ["for", describeWish(request), undefined],
    ["from", describeSource(request), undefined],
    ["ended", ended, endingPaint(request)],
    ["error", request.error, "red"],
    ["tokens", describeTokens(request), undefined],
  ];
  return [
    painter.bold(fit(`Request ${request.id}`, width)),
    ...facts
      .filter(([, text]) => text !== "")
      .flatMap(([name, text, paint]) =>
        wrap(text, width - 10).map((line, index) => {
          const label = painter.dim(padTo(index === 0 ? name : "", 8));
          return `${indent}${label}${paint === undefined ? line : painter[paint](line)}`;
        }),
      ),
    ...renderHelp(request, painter),
  ];
}

/** An address in one piece, however narrow the screen: terminals open it. */
function renderHelp({ errorCode }: RequestLine, painter: Painter): string[] {
  if (!isErrorCode(errorCode)) return [];
  return [`${indent}${painter.dim(padTo("help", 8))}${helpFor(errorCode)}`];
}

function describeWish({ alias, model, mode }: RequestLine): string {
  const wish =
    alias === "" || alias === model ? model : `${alias}, an alias, which became ${model || "nothing"}`;
  return mode === "translation" && wish !== "" ? `${wish}, translated` : wish;
}

function describeSource({ endpoint, kind, tier, sticky }: RequestLine): string {
  if (endpoint === "") return "no endpoint";
  const traits = [kind, tier, sticky && `sticky: ${sticky}`].filter(Boolean).join(", ");
  return traits === "" ? endpoint : `${endpoint} (${traits})`;
}

function describeTokens(request: RequestLine): string {
  const { inputTokens, outputTokens, cachedTokens = 0, tokensPerSec } = request;
  if (inputTokens === undefined && outputTokens === undefined) return "";
  const cached = cachedTokens > 0 ? ` (${formatCount(cachedTokens)} of them cached)` : "";
  const speed = tokensPerSec === undefined ? "" : `, ${tokensPerSec.toFixed(1)} a second`;
  return `${formatCount(inputTokens ?? 0)} in${cached}, ${formatCount(outputTokens ?? 0)} out${speed}`;
}

interface Span {
  readonly name: string;
  readonly glyph: string;
  readonly paint: keyof Painter;
  readonly ms: number;
}

const barWidth = 60;

/** One bar of the whole time, and what its parts are. */
function renderTimes(request: RequestLine, trace: JsonObject, { painter, width }: TraceOptions): string[] {
  const all = spansOf(request, trace);
  const total = all.reduce((sum, { ms }) => sum + ms, 0);
  if (total <= 0 || request.attempts === 0) return [];
  const spans = all.filter(({ ms }) => ms > total / 500);
  const cells = Math.min(barWidth, width - indent.length);
  const bar = shareCells(spans, total, cells)
    .map(({ span, count }) => painter[span.paint](span.glyph.repeat(count)))
    .join("");
  const names = Math.max(...spans.map(({ name }) => name.length));
  return [
    painter.bold("Where the time went"),
    `${indent}${bar}`,
    ...spans.map(({ name, glyph, paint, ms }) => {
      const share = `${Math.round((ms / total) * 100)}%`;
      const text = fit(
        `${padTo(name, names)}  ${padTo(formatMs(ms), 7, "right")}  ${padTo(share, 4, "right")}`,
        width - 4,
      );
      return `${indent}${painter[paint](glyph)} ${text}`;
    }),
  ];
}

function spansOf(request: RequestLine, trace: JsonObject): Span[] {
  const timings = objectAt(trace, "timings");
  const total = optionalNumberAt(timings, "duration_ms") ?? request.durationMs;
  const queued = Math.min(total, optionalNumberAt(timings, "queue_ms") ?? request.queueMs);
  const body = optionalNumberAt(timings, "body_ms") ?? 0;
  const attempts = objectsAt(trace, "attempts");
  const failed = attempts.filter((each) => typeof each.error === "string");
  const lost = failed.reduce((sum, each) => sum + numberAt(each, "durationMs"), 0);
  // What came first: the first token of a stream, else the head of an answer.
  const ttft = optionalNumberAt(timings, "ttft_ms") ?? request.ttftMs;
  const begun = ttft ?? optionalNumberAt(timings, "head_ms") ?? total;
  const thinking = Math.max(0, begun - body - queued - lost);
  return [
    { name: "reading the request", glyph: "·", paint: "dim", ms: body },
    { name: "in the queue", glyph: "░", paint: "yellow", ms: queued },
    { name: "lost to attempts that failed", glyph: "▒", paint: "red", ms: Math.min(lost, begun) },
    {
      name: ttft === undefined ? "until the answer began" : "until the first token",
      glyph: "▓",
      paint: "bold",
      ms: thinking,
    },
    { name: "the rest of the answer", glyph: "█", paint: "green", ms: Math.max(0, total - begun) },
  ];
}

/** Every part that took any time gets a cell; the longest ones pay for that. */
function shareCells(spans: readonly Span[], total: number, cells: number) {
  const shares = spans.map((span) => ({ span, count: Math.max(1, Math.round((span.ms / total) * cells)) }));
  for (;;) {
    const excess = shares.reduce((sum, { count }) => sum + count, 0) - cells;
    if (excess === 0) return shares;
    const longest = shares.reduce((left, right) => (right.count > left.count ? right : left));
    if (excess > 0 && longest.count <= 1) return shares;
    longest.count -= Math.sign(excess);
  }
}

/** By the names of the log; those of a later Olla are shown as they are. */
const skipWords: Readonly<Record<string, string>> = {
  outside_route: "of another kind than the route is for",
  draining: "draining: an operator has taken it out",
  not_healthy: "not healthy",
  cloud_barred: "in the cloud, where this request may not go",
  daily_tokens_spent: "its tokens of the day are spent",
  model_missing: "does not have the model",
  model_filtered: "has the model, but its filter leaves it out",
  lacks_capability: "its model can't do what was asked",
  lacks_path: "does not know this path",
  not_named: "not named by the alias",
};

const heldBackWords: Readonly<Record<string, string>> = {
  circuit_open: "its circuit breaker was open",
  cooling_down: "it had asked to be left alone for a while",
  draining: "it was draining",
};

function renderCandidates(trace: JsonObject, { painter, width }: TraceOptions): string[] {
  const rows = objectsAt(trace, "candidates");
  if (rows.length === 0) return [];
  const asked = objectsAt(trace, "attempts").map((each) => textAt(each, "endpoint"));
  const heldBack = objectsAt(trace, "held_back");
  const lines = rows.map((row) => {
    const name = textAt(row, "endpoint");
    const skipped = textAt(row, "skipped");
    const health = textAt(row, "health");
    if (skipped !== "") {
      const why = skipWords[skipped] ?? skipped;
      return {
        name,
        glyph: painter.dim("○"),
        text: `skipped: ${why}${skipped === "not_healthy" ? ` (${health})` : ""}`,
      };
    }
    const held = heldBack.find((each) => textAt(each, "endpoint") === name);
    const place = asked.indexOf(name);
    const states = [
      place < 0 ? "" : asked.length === 1 ? "asked" : `asked as number ${place + 1}`,
      held === undefined
        ? ""
        : `passed over after ${formatMs(numberAt(held, "atMs"))}: ${heldBackWords[textAt(held, "reason")] ?? textAt(held, "reason")}`,
    ].filter((part) => part !== "");
    const glyph = place >= 0 ? painter.green("●") : held === undefined ? "●" : painter.yellow("◐");
    return { name, glyph, text: states.join("; ") || "a candidate that was not needed" };
  });
  const names = Math.min(24, Math.max(...lines.map(({ name }) => widthOf(name))));
  return [
    painter.bold("Who was considered"),
    ...describeDecision(trace).flatMap((text) =>
      wrap(text, width - 2).map((line) => `${indent}${painter.dim(line)}`),
    ),
    ...lines.map(
      ({ name, glyph, text }) =>
        `${indent}${glyph} ${fit(`${padTo(fit(name, names), names)}  ${text}`, width - 4)}`,
    ),
  ];
}

function describeDecision(trace: JsonObject): string[] {
  const [strategy, action, reason] = ["strategy", "action", "reason"].map((name) => textAt(trace, name));
  if (strategy === "" && reason === "") return [];
  const words = reason?.replaceAll("_", " ");
  return [[`${action} by the strategy ${strategy}`, words].filter(Boolean).join(": ")];
}

function renderAttempts(request: RequestLine, trace: JsonObject, { painter, width }: TraceOptions): string[] {
  const rows = objectsAt(trace, "attempts");
  if (rows.length === 0) return [painter.bold("Attempts"), `${indent}none: no endpoint was asked`];
  const last = rows.length - 1;
  return [
    painter.bold(rows.length === 1 ? "Attempt" : "Attempts"),
    ...rows.flatMap((row, index) => {
      const error = textAt(row, "error");
      const isGood = error === "";
      const text = `${index + 1}  ${describeAttempt(row, index === last ? request : undefined)}`;
      return wrap(text, width - 4, 3).map((line, part) => {
        const glyph = part > 0 ? " " : isGood ? painter.green("✓") : painter.red("✗");
        return `${indent}${glyph} ${part > 0 ? `   ${line}` : line}`;
      });
    }),
  ];
}

/** Clients choose ids. */
function renderNamesakes(others: number, { painter, width }: TraceOptions): string[] {
  if (others === 0) return [];
  const text = `${formatAmount(others, "earlier request")} had the same id; the list shows them.`;
  return wrap(text, width).map(painter.dim);
}

/** @param request of the last attempt: what became of its answer */
function describeAttempt(row: JsonObject, request: RequestLine | undefined): string {
  const [endpoint, model, error, message] = ["endpoint", "model", "error", "message"].map((name) =>
    textAt(row, name),
  );
  const started = optionalNumberAt(row, "startedMs");
  const queued = numberAt(row, "queuedMs");
  const status = optionalNumberAt(row, "status");
  const took = formatMs(numberAt(row, "durationMs"));
  const parts = [
    `${endpoint}${model === "" ? "" : ` (${model})`}`,
    started === undefined ? "" : `sent after ${formatMs(started)}`,
    queued >= 1 ? `having waited ${formatMs(queued)} for a place` : "",
  ];
  if (error === "") {
    parts.push(`answered ${status ?? ""} after another ${took}`.replace("  ", " "));
    if (request !== undefined && request.ending !== "complete") parts.push(`then: ${request.ending}`);
  } else {
    const reason = message === "" || message === error ? error : `${error}: ${message}`;
    parts.push(
      `failed after another ${took} with ${status === undefined ? "" : `status ${status}, `}${reason}`,
    );
  }
  return parts.filter((part) => part !== "").join(", ");
}

/** Breaks at spaces; a word that is longer than a line is cut. @param hang what lines but the first have less of */
function wrap(text: string, width: number, hang = 0): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    const longer = line === "" ? word : `${line} ${word}`;
    if (line !== "" && widthOf(longer) > width - (lines.length > 0 ? hang : 0)) {
      lines.push(line);
      line = word;
    } else line = longer;
  }
  return [...lines, line].map((each, index) => fit(each, width - (index > 0 ? hang : 0)));
}
