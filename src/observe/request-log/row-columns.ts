import type { Outcome } from "../outcome.ts";
import { type RequestRow, type RequestRowMembers, rowMembersOf } from "../request-row.ts";

type Affinity = "INTEGER" | "REAL" | "TEXT";
type Column = string | number | null;

/** The columns of `requests`, named like the members of a row. A new one needs a migration. */
export const rowColumns = {
  time: "INTEGER",
  id: "TEXT",
  method: "TEXT",
  path: "TEXT",
  route: "TEXT",
  dialect: "TEXT",
  stream: "INTEGER",
  key: "TEXT",
  client: "TEXT",
  alias: "TEXT",
  model: "TEXT",
  endpoint: "TEXT",
  backend_type: "TEXT",
  tier: "TEXT",
  status: "INTEGER",
  ending: "TEXT",
  error_code: "TEXT",
  error: "TEXT",
  attempts: "INTEGER",
  failed: "TEXT",
  queue_ms: "REAL",
  ttft_ms: "REAL",
  duration_ms: "REAL",
  input_tokens: "INTEGER",
  output_tokens: "INTEGER",
  cached_tokens: "INTEGER",
  tokens_per_sec: "REAL",
  request_bytes: "INTEGER",
  response_bytes: "INTEGER",
  sticky: "TEXT",
  mode: "TEXT",
} as const satisfies Record<keyof RequestRow, Affinity>;

export const columnNames = Object.keys(rowColumns) as (keyof RequestRow)[];

/** `"time", "id", …`: `key` and others are words of SQL, too. */
export const columnList = columnNames.map((name) => `"${name}"`).join(", ");

/** In the order of `columnNames`. */
export function toColumns(outcome: Outcome): Column[] {
  const members: RequestRowMembers = rowMembersOf(outcome);
  const columns: Column[] = [];
  for (const name of columnNames) {
    const value = members[name];
    columns.push(typeof value === "boolean" ? Number(value) : (value ?? null));
  }
  return columns;
}

/** What `toColumns` wrote, with whatever other columns were asked for left out. */
export function fromColumns(record: Readonly<Record<string, unknown>>): RequestRow {
  const row: Record<string, unknown> = {};
  for (const name of columnNames) {
    const value = record[name];
    if (value !== null && value !== undefined) row[name] = name === "stream" ? value !== 0 : value;
  }
  return row as unknown as RequestRow;
}
