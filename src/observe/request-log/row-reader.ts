import type { Database, SQLQueryBindings } from "bun:sqlite";
import {
  type FoundRequest,
  mostOthers,
  type RequestFilter,
  type RequestPage,
  type RequestQuestion,
  readCursor,
  textFilters,
  writeCursor,
} from "../request-history.ts";
import type { DecisionTrace, RequestRow } from "../request-row.ts";

/** Rows that are looked through before others get their turn: at first this many, then as many as take `sliceMs`. */
const firstSlice = 4_000;
const smallestSlice = 500;
const largestSlice = 100_000;
const sliceMs = 6;
/** By how far the machine's clock may have been set back between two rows. */
const clockSlackMs = 60_000;

type Found = Readonly<Record<string, unknown>> & { readonly seq: number };

interface Conditions {
  /** Empty, or beginning with ` AND`. */
  readonly sql: string;
  readonly values: readonly (string | number)[];
  /** Rows that ended before it do not fulfil them. */
  readonly since: number | undefined;
}

/**
 * One page, newest first.
 * @throws OllaError invalid_request for a bad cursor; whatever SQLite says where the file cannot be read
 */
export async function readPage(
  database: Database,
  { filter, limit, before }: RequestQuestion,
): Promise<RequestPage> {
  const rows = await scan(database, conditionsOf(filter), readCursor("database", before), limit + 1);
  const last = rows[limit - 1];
  const next = rows.length > limit && last !== undefined ? writeCursor("database", last.seq) : null;
  return { source: "database", requests: rows.slice(0, limit).map(rowOf), next };
}

/** @param since what arrived before it is not found */
export async function readRequest(
  database: Database,
  id: string,
  since: number | undefined,
): Promise<FoundRequest | undefined> {
  // There is no index: one of random ids would cost as much as all the rest of a row.
  const conditions = { sql: ` AND "id" = ?${since === undefined ? "" : sinceCondition}`, since };
  const values = since === undefined ? [id] : [id, since];
  const rows = await scan(database, { ...conditions, values }, Number.POSITIVE_INFINITY, 1 + mostOthers);
  const [newest] = rows;
  if (newest === undefined) return undefined;
  using select = database.prepare<{ trace: string }, [number]>("SELECT trace FROM traces WHERE seq = ?");
  const found = select.get(newest.seq);
  // Deleted while others had their turn.
  if (found === null) return undefined;
  const trace = JSON.parse(found.trace) as DecisionTrace;
  return { request: rowOf(newest), trace, others: rows.length - 1 };
}

/**
 * Looks through the rows in slices and lets others run in between, so that a filter which fits nothing does not hold up
 * requests.
 */
async function scan(
  database: Database,
  { sql, values, since }: Conditions,
  before: number,
  most: number,
): Promise<Found[]> {
  using select = database.prepare<Found, SQLQueryBindings[]>(
    `SELECT * FROM requests WHERE seq >= ? AND seq < ?${sql} ORDER BY seq DESC LIMIT ?`,
  );
  const [oldest, newest] = seqRange(database);
  const found: Found[] = [];
  let end = Math.min(before, newest + 1);
  let slice = firstSlice;
  for (;;) {
    const begin = Math.max(oldest, end - slice);
    const startedAt = performance.now();
    found.push(...select.all(begin, end, ...values, most - found.length));
    const isOver = found.length >= most || begin <= oldest;
    if (isOver || (since !== undefined && endedBefore(database, begin, since - clockSlackMs))) return found;
    slice = nextSlice(slice, performance.now() - startedAt);
    end = begin;
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
}

/** The view has the members of a row, and what is not known is null. */
function rowOf({ seq: _seq, ...found }: Found): RequestRow {
  const row: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(found)) if (value !== null) row[name] = value;
  return { ...row, stream: found.stream !== 0 } as unknown as RequestRow;
}

function nextSlice(slice: number, tookMs: number): number {
  const factor = Math.min(4, Math.max(0.25, sliceMs / Math.max(tookMs, 0.1)));
  return Math.round(Math.min(largestSlice, Math.max(smallestSlice, slice * factor)));
}

/** Of the oldest and the newest row; `[1, 0]` where there are none. */
function seqRange(database: Database): readonly [oldest: number, newest: number] {
  using select = database.prepare<{ oldest: number | null; newest: number | null }, []>(
    "SELECT (SELECT min(seq) FROM entries) AS oldest, (SELECT max(seq) FROM entries) AS newest",
  );
  const range = select.get();
  return [range?.oldest ?? 1, range?.newest ?? 0];
}

/** Rows are in the order in which requests ended, so those before this one ended earlier still. */
function endedBefore(database: Database, seq: number, moment: number): boolean {
  using select = database.prepare<{ ended: number }, [number]>(
    "SELECT time + duration_tenths / 10.0 AS ended FROM entries WHERE seq = ?",
  );
  return (select.get(seq)?.ended ?? moment) < moment;
}

const sinceCondition = ' AND "time" >= ?';

function conditionsOf(filter: RequestFilter): Conditions {
  const parts: string[] = [];
  const values: (string | number)[] = [];
  for (const [name, members] of Object.entries(textFilters)) {
    const wanted = filter[name as keyof typeof textFilters];
    if (wanted === undefined) continue;
    const isPattern = wanted.includes("*");
    const tests = members.map((member) => (isPattern ? `lower("${member}") GLOB ?` : `"${member}" = ?`));
    parts.push(` AND (${tests.join(" OR ")})`);
    for (const _member of members) values.push(isPattern ? globOf(wanted) : wanted);
  }
  const { status, since, until } = filter;
  if (status !== undefined) {
    parts.push(' AND "status" BETWEEN ? AND ?');
    values.push(status.from, status.to);
  }
  if (since !== undefined) {
    parts.push(sinceCondition);
    values.push(since);
  }
  if (until !== undefined) {
    parts.push(' AND "time" <= ?');
    values.push(until);
  }
  return { sql: parts.join(""), values, since };
}

/** As `compileGlobs` reads it: only `*` is a wildcard. SQLite's `lower` knows no letters but those of ASCII. */
function globOf(pattern: string): string {
  return pattern
    .trim()
    .replace(/[A-Z]/g, (letter) => letter.toLowerCase())
    .replace(/[[?]/g, "[$&]");
}
