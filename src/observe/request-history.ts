import { OllaError } from "../errors.ts";
import { compileGlobs } from "../lib/glob.ts";
import type { DecisionTrace, RequestRow } from "./request-row.ts";

/** Which requests are wanted. Texts are exact, case included; with a `*` in it, which stands for anything, without case. */
export interface RequestFilter {
  readonly id?: string | undefined;
  /** That answered, or was asked last. */
  readonly endpoint?: string | undefined;
  /** As the endpoint was asked for it, or the alias that the client asked for. */
  readonly model?: string | undefined;
  readonly key?: string | undefined;
  readonly route?: string | undefined;
  readonly ending?: string | undefined;
  /** Both included. */
  readonly status?: { readonly from: number; readonly to: number } | undefined;
  /** Milliseconds since the epoch, of the arrival. */
  readonly since?: number | undefined;
  readonly until?: number | undefined;
}

export interface RequestQuestion {
  readonly filter: RequestFilter;
  /** Most rows of the page. */
  readonly limit: number;
  /** `next` of the page before. */
  readonly before?: string | undefined;
}

export interface RequestPage {
  /** Where the rows are from. */
  readonly source: "memory" | "database";
  /** The one that ended last first. */
  readonly requests: readonly RequestRow[];
  /** Leads to the page after this one, however many requests end in between; null on the last. */
  readonly next: string | null;
  /** Why it is not what was asked for in the configuration, in words for people. */
  readonly note?: string;
}

export interface FoundRequest {
  readonly request: RequestRow;
  readonly trace: DecisionTrace;
  /** Further requests on record with the same id, which clients choose: all of them ended earlier. At most 1000 are counted. */
  readonly others: number;
}

/** The requests that have ended, as operators look at them. */
export interface RequestHistory {
  /** @throws OllaError invalid_request for a cursor that is none */
  list(question: RequestQuestion): Promise<RequestPage>;
  /** The last one with that id. */
  find(id: string): Promise<FoundRequest | undefined>;
}

export const mostOthers = 1_000;

/** What a filter compares as texts, and the members of a row that it may be found in. */
export const textFilters = {
  id: ["id"],
  endpoint: ["endpoint"],
  model: ["model", "alias"],
  key: ["key"],
  route: ["route"],
  ending: ["ending"],
} as const satisfies Partial<Record<keyof RequestFilter, readonly (keyof RequestRow)[]>>;

export function compileFilter(filter: RequestFilter): (row: RequestRow) => boolean {
  const tests: ((row: RequestRow) => boolean)[] = [];
  for (const [name, members] of Object.entries(textFilters)) {
    const wanted = filter[name as keyof typeof textFilters];
    if (wanted === undefined) continue;
    const matches = wanted.includes("*")
      ? compileGlobs({ include: [wanted] })
      : (text: string) => text === wanted;
    tests.push((row) =>
      members.some((member) => {
        const value = row[member];
        return value !== undefined && matches(value);
      }),
    );
  }
  const { status, since, until } = filter;
  if (status !== undefined) tests.push((row) => row.status >= status.from && row.status <= status.to);
  if (since !== undefined) tests.push(({ time }) => time >= since);
  if (until !== undefined) tests.push(({ time }) => time <= until);
  return (row) => tests.every((passes) => passes(row));
}

/** Numbers of rows mean something else in each source. */
const sourceMarks = { memory: "m", database: "d" } as const;

export function writeCursor(source: RequestPage["source"], position: number): string {
  return `${sourceMarks[source]}${position.toString(36)}`;
}

/** @returns the number of the row before which a page begins; infinite without a cursor */
export function readCursor(source: RequestPage["source"], cursor: string | undefined): number {
  if (cursor === undefined) return Number.POSITIVE_INFINITY;
  const position = /^[md][0-9a-z]{1,10}$/.test(cursor) ? Number.parseInt(cursor.slice(1), 36) : undefined;
  if (position === undefined) {
    throw new OllaError("invalid_request", "before: this is no cursor; take the next of a page", {
      field: "before",
    });
  }
  if (cursor.startsWith(sourceMarks[source])) return position;
  throw new OllaError(
    "invalid_request",
    `before: this cursor is of another list, requests are now from ${source === "memory" ? "memory" : "the database"}; begin again without it`,
    { field: "before" },
  );
}
