import { systemClock } from "../lib/clock.ts";
import { parseDuration } from "../lib/duration.ts";
import { isObject, type JsonObject } from "../lib/json.ts";
import { UsageError } from "./arguments.ts";
import { textAt } from "./fleet-view.ts";
import { type RequestLine, readRequest, requestColumns } from "./request-view.ts";
import {
  AskError,
  type ConnectionOptions,
  findOlla,
  type RunningOlla,
  refusedPauseMs,
} from "./running-olla.ts";
import { harmless, printableJson } from "./safe-text.ts";
import { endWhenUnread } from "./screen.ts";
import { listenForStop } from "./stop-signal.ts";
import { formatHeading, formatRow, layOut, type TableLayout } from "./table.ts";
import { createPainter, hasColour, lineWidth, type Terminal } from "./terminal.ts";
import { renderTrace } from "./trace-view.ts";

/** The flags of `olla requests`. */
export interface RequestsFlags extends ConnectionOptions {
  readonly limit: string;
  readonly follow?: boolean;
  readonly model?: string;
  readonly endpoint?: string;
  readonly key?: string;
  readonly status?: string;
  /** A duration. */
  readonly since?: string;
  readonly json?: boolean;
}

const path = "/internal/requests";
const followEveryMs = 1_000;
/** Requests that ended between two looks; more than that are not shown, and that is said. */
const followLimit = 200;
const largestLimit = 500;

const memoryHint = "Only the last 200 requests are in memory; `request_log.enabled: true` keeps all.\n";

/**
 * Shows the last requests of a running Olla, those that end from now on, or one of them with why it went where it went.
 * @returns the exit code
 * @throws UsageError, AskError
 */
export async function requests(
  id: string | undefined,
  flags: RequestsFlags,
  configPath: string | undefined,
  terminal: Terminal,
): Promise<number> {
  const limit = readLimit(flags.limit);
  const filters = readFilters(flags);
  if (id !== undefined && flags.follow === true)
    throw new UsageError("--follow is for the list, not for one request");
  const olla = await findOlla(flags, configPath, terminal);
  if (id !== undefined) return await showOne(id, flags, olla, terminal);
  const list = createList(flags, terminal);
  const first = await askFor(olla, filters, flags.follow === true ? Math.max(limit, followLimit) : limit);
  list.print(first.rows.slice(0, limit));
  if (flags.json !== true) {
    if (first.rows.length === 0) terminal.err(flags.follow === true ? "None yet.\n" : "No such requests.\n");
    if (first.note !== "") terminal.err(`${first.note}\n`);
    else if (first.isFromMemory) terminal.err(memoryHint);
  }
  return flags.follow === true ? await follow({ olla, filters, list, terminal }, first.rows) : 0;
}

export function readLimit(text: string): number {
  const limit = Number(text);
  if (/^\d+$/.test(text) && limit >= 1 && limit <= largestLimit) return limit;
  throw new UsageError(`--limit: expected a number of 1 to ${largestLimit}, got "${text}"`);
}

/** The query of the list, without its limit. @throws UsageError */
export function readFilters(flags: Omit<RequestsFlags, "limit">): URLSearchParams {
  const query = new URLSearchParams();
  for (const name of ["model", "endpoint", "key"] as const) {
    const value = flags[name];
    if (value === undefined) continue;
    if (value === "") throw new UsageError(`--${name}: expected a name, got nothing`);
    query.set(name, value);
  }
  const { status, since } = flags;
  if (status !== undefined) {
    if (!/^[1-5](?:\d\d|xx)$/i.test(status)) {
      throw new UsageError(
        `--status: expected a status such as 429, or a class such as 5xx, got "${status}"`,
      );
    }
    query.set("status", status.toLowerCase());
  }
  if (since !== undefined) {
    const ageMs = parseDuration(since);
    if (ageMs === undefined || ageMs <= 0) {
      throw new UsageError(`--since: expected a duration such as 15m or 2h, got "${since}"`);
    }
    // As it is: the clock that counts is the one of the machine that Olla runs on.
    query.set("since", since);
  }
  return query;
}

interface Page {
  /** Newest first. */
  readonly rows: readonly JsonObject[];
  readonly isFromMemory: boolean;
  /** Why the rows are not from where the configuration says; "" where they are. */
  readonly note: string;
  readonly hasMore: boolean;
}

async function askFor(olla: RunningOlla, filters: URLSearchParams, limit: number): Promise<Page> {
  const query = new URLSearchParams(filters);
  query.set("limit", String(limit));
  const body = await askForRequests(olla, `${path}?${query}`);
  const rows = Array.isArray(body.requests) ? body.requests.filter(isObject) : [];
  return {
    rows,
    isFromMemory: body.source === "memory",
    note: textAt(body, "note"),
    hasMore: typeof body.next === "string",
  };
}

async function askForRequests(olla: RunningOlla, target: string): Promise<JsonObject> {
  try {
    return await olla.ask(target);
  } catch (error) {
    if (!(error instanceof AskError && error.code === "route_not_found" && error.status === 404)) throw error;
    throw new AskError(`${error.message} Perhaps that Olla is too old to remember requests`, {
      cause: error,
    });
  }
}

async function showOne(
  id: string,
  flags: RequestsFlags,
  olla: RunningOlla,
  terminal: Terminal,
): Promise<number> {
  let body: JsonObject;
  try {
    body = await askForRequests(olla, `${path}/${encodeURIComponent(id)}`);
  } catch (error) {
    if (!(error instanceof AskError && error.code === "request_not_found")) throw error;
    throw new AskError(
      `${olla.shown} has no request ${harmless(id)} on record: \`olla requests\` lists those it has, once they have ended`,
      { cause: error },
    );
  }
  if (flags.json === true) {
    terminal.out(`${printableJson(body)}\n`);
    return 0;
  }
  const painter = createPainter(hasColour(terminal));
  const lines = renderTrace(body, { painter, width: Math.min(lineWidth(terminal), 120), now: Date.now() });
  terminal.out(`${lines.join("\n")}\n`);
  return 0;
}

interface RequestList {
  /** @param rows newest first; printed the other way round, so that what follows goes below */
  print(rows: readonly JsonObject[]): void;
}

/** @param now milliseconds since the epoch, asked for with each print */
export function createList(
  flags: Pick<RequestsFlags, "json">,
  terminal: Terminal,
  now: () => number = Date.now,
): RequestList {
  if (flags.json === true) {
    return {
      print(rows) {
        for (const row of rows.toReversed()) terminal.out(`${printableJson(row)}\n`);
      },
    };
  }
  const painter = createPainter(hasColour(terminal));
  let layout: TableLayout<RequestLine> = { columns: [] };
  return {
    print(rows) {
      if (rows.length === 0) return;
      const lines = rows.toReversed().map(readRequest);
      const next = layOut(requestColumns(painter, now()), lines, lineWidth(terminal), layout);
      // Columns that moved need a heading of their own.
      if (!isSame(layout, next)) terminal.out(`${painter.bold(formatHeading(next))}\n`);
      layout = next;
      for (const line of lines) terminal.out(`${formatRow(next, line)}\n`);
    },
  };
}

function isSame<Row>(one: TableLayout<Row>, other: TableLayout<Row>): boolean {
  if (one.columns.length !== other.columns.length) return false;
  return other.columns.every(({ column, width }, index) => {
    const before = one.columns[index];
    return before?.column.title === column.title && before.width === width;
  });
}

interface FollowOptions {
  readonly olla: RunningOlla;
  readonly filters: URLSearchParams;
  readonly list: RequestList;
  readonly terminal: Terminal;
}

/** @param first what is known already */
async function follow(
  { olla, filters, list, terminal }: FollowOptions,
  first: readonly JsonObject[],
): Promise<number> {
  const clock = systemClock;
  endWhenUnread(process.stdout, terminal.exitNow);
  const stop = listenForStop(process, {
    onSecond: () => terminal.exitNow(1),
    now: clock.now,
    isUnderPackageManager: Boolean(terminal.env.npm_lifecycle_event),
  });
  const stopped = stop.received.then(() => "stopped" as const);
  let known = new Set(first.map(identify));
  let failure: AskError | undefined;
  for (;;) {
    const pauseMs = failure?.isRefusal === true ? refusedPauseMs : followEveryMs;
    const pause = new Promise<void>((resolve) => void clock.after(pauseMs, resolve));
    if ((await Promise.race([pause, stopped])) === "stopped") break;
    const page = await Promise.race([askFor(olla, filters, followLimit).catch(asAskError), stopped]);
    if (page === "stopped") break;
    if (page instanceof AskError) {
      // Once, and not with every look.
      if (failure === undefined) terminal.err(`olla: ${page.message}\nolla: waiting for it to come back\n`);
      failure = page;
      continue;
    }
    if (failure !== undefined) terminal.err("olla: it is back\n");
    failure = undefined;
    const news = page.rows.filter((row) => !known.has(identify(row)));
    if (news.length === followLimit && page.hasMore) terminal.err("olla: more came at once than are shown\n");
    list.print(news);
    known = new Set(page.rows.map(identify));
  }
  stop.release();
  return 0;
}

/** Clients choose ids, and may choose one twice. */
function identify(row: JsonObject): string {
  return `${String(row.id)} ${String(row.time)} ${String(row.duration_ms)}`;
}

function asAskError(error: unknown): AskError {
  if (error instanceof AskError) return error;
  throw error;
}
