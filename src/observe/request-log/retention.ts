import type { Database } from "bun:sqlite";
import type { Clock } from "../../lib/clock.ts";
import type { Logger } from "../../lib/log.ts";
import { Complaints } from "./complaints.ts";
import type { Journal } from "./journal.ts";
import { readPragma } from "./open-database.ts";
import { batchRows } from "./row-writer.ts";

export interface RetentionOptions {
  readonly database: Database;
  readonly journal: Journal;
  /** Milliseconds; 0 keeps rows of any age. */
  readonly maxAgeMs: number;
  /** Bytes of the file and what is written beside it; 0 is no limit. */
  readonly maxBytes: number;
  readonly clock: Clock;
  readonly logger: Pick<Logger, "warn" | "info">;
}

const intervalMs = 60_000;
/** Between two looks because of the size alone. */
const sizeIntervalMs = 1_000;
/** Rows deleted, and pages given back, before others get their turn: each takes a few milliseconds. */
const deletedRows = 2_000;
const batchPages = 128;
/** Share of the limit that is left when the file was too large: so that it is not so again at once. */
const shrunkenShare = 0.9;
/** Share of pages that may be free: new rows take them. */
const spareShare = 0.1;
/** Keeps the database within its limits, a few rows at a time. */
export class Retention {
  readonly #options: RetentionOptions;
  readonly #complaints: Complaints;
  readonly #pageBytes: number;
  #lastRunAt = Number.NEGATIVE_INFINITY;
  #running: Promise<void> | undefined;
  #isStopped = false;

  constructor(options: RetentionOptions) {
    const { database, clock, logger } = options;
    this.#options = options;
    this.#complaints = new Complaints(logger, clock);
    this.#pageBytes = Number(readPragma(database, "page_size"));
  }

  /** What arrived before this moment is not to be shown, deleted or not; undefined where no row is too old. */
  get oldestTime(): number | undefined {
    const { maxAgeMs, clock } = this.#options;
    return maxAgeMs === 0 ? undefined : clock.wallTime() - maxAgeMs;
  }

  /** Called after each write. Begins to clear up where that is due. */
  look(): void {
    if (this.#running !== undefined || this.#isStopped) return;
    const sinceLast = this.#options.clock.now() - this.#lastRunAt;
    if (sinceLast >= intervalMs || (sinceLast >= sizeIntervalMs && this.#isTooLarge())) this.begin();
    else if (this.#options.journal.isLong()) this.#run(() => this.#options.journal.empty());
  }

  /** Clears up now. */
  begin(): void {
    this.#lastRunAt = this.#options.clock.now();
    this.#run(() => this.#clearUp());
  }

  #run(work: () => Promise<void>): void {
    this.#running ??= work()
      .catch((error: unknown) =>
        this.#complaints.raise("The request log could not be kept within its limits", {
          error: String(error),
        }),
      )
      .finally(() => {
        this.#running = undefined;
      });
  }

  /** Resolves when nothing is being deleted; never rejects. */
  async settled(): Promise<void> {
    await this.#running;
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#running;
  }

  async #clearUp(): Promise<void> {
    await giveWay();
    const hasDeletedOld = await this.#deleteOld();
    const hasDeletedSurplus = await this.#deleteSurplus();
    const hasShrunk = await this.#giveBack();
    if (hasDeletedOld || hasDeletedSurplus || hasShrunk) await this.#options.journal.empty();
  }

  async #deleteOld(): Promise<boolean> {
    const oldest = this.oldestTime;
    if (oldest === undefined) return false;
    const { database } = this.#options;
    using select = database.prepare<{ end: number | null; young: number | null }, [number]>(
      "SELECT max(seq) + 1 AS end, min(CASE WHEN time >= ? THEN seq END) AS young " +
        `FROM (SELECT seq, time FROM entries ORDER BY seq LIMIT ${deletedRows})`,
    );
    for (let deleted = 0; ; ) {
      const first = select.get(oldest);
      const end = first?.young ?? first?.end ?? undefined;
      const count = end === undefined || this.#isStopped ? 0 : this.#deleteBefore(end);
      deleted += count;
      if (count === 0) return deleted > 0;
      await this.#pause();
    }
  }

  async #deleteSurplus(): Promise<boolean> {
    if (!this.#isTooLarge()) return false;
    // What is written beside the file counts as well, and needs no row to go.
    const { database, maxBytes, journal } = this.#options;
    await journal.empty();
    const most = Math.floor((maxBytes * shrunkenShare) / this.#pageBytes);
    using select = database.prepare<{ first: number | null; last: number | null }, []>(
      "SELECT (SELECT min(seq) FROM entries) AS first, (SELECT max(seq) FROM entries) AS last",
    );
    if (!this.#isTooLarge()) return true;
    while (!this.#isStopped) {
      const used = this.#pages() - this.#freePages();
      const { first, last } = select.get() ?? {};
      if (used <= most || typeof first !== "number" || typeof last !== "number") break;
      // A row is as large as another: so many of them as pages have to go, and at least one.
      const share = Math.ceil(((last - first + 1) * (used - most)) / used);
      this.#deleteBefore(first + Math.min(deletedRows, Math.max(1, share)));
      await this.#pause();
    }
    return true;
  }

  /** Gives free pages back to the system: all but a few that new rows will take, and as many as the limit demands. */
  async #giveBack(): Promise<boolean> {
    const { database, maxBytes } = this.#options;
    const most = maxBytes === 0 ? Number.POSITIVE_INFINITY : Math.floor(maxBytes / this.#pageBytes);
    let hasShrunk = false;
    while (!this.#isStopped) {
      const free = this.#freePages();
      const pages = this.#pages();
      const surplus = Math.max(free - Math.ceil(pages * spareShare), Math.min(free, pages - most));
      if (surplus <= 0) break;
      readPragma(database, `incremental_vacuum(${Math.min(batchPages, surplus)})`);
      if (this.#freePages() >= free) break;
      hasShrunk = true;
      await this.#pause();
    }
    return hasShrunk;
  }

  #deleteBefore(seq: number): number {
    const { database } = this.#options;
    const all = database.transaction(() => {
      database.run("DELETE FROM trace_texts WHERE seq < ?", [seq]);
      const { changes } = database.run("DELETE FROM entries WHERE seq < ?", [seq]);
      // The first rows that are left may be of the same transaction as the last that went, and of kinds of theirs.
      database.run(
        `DELETE FROM kinds WHERE kind < coalesce((SELECT min(kind) FROM
          (SELECT kind FROM entries ORDER BY seq LIMIT ${batchRows})), ${Number.MAX_SAFE_INTEGER})`,
      );
      return changes;
    });
    return all.immediate();
  }

  /** Lets others have their turn, and what was written reach the file. */
  async #pause(): Promise<void> {
    if (this.#options.journal.isLong()) await this.#options.journal.empty();
    else await giveWay();
  }

  #isTooLarge(): boolean {
    const { journal, maxBytes } = this.#options;
    return maxBytes !== 0 && this.#pages() * this.#pageBytes + journal.bytes > maxBytes;
  }

  #pages(): number {
    return Number(readPragma(this.#options.database, "page_count"));
  }

  #freePages(): number {
    return Number(readPragma(this.#options.database, "freelist_count"));
  }
}

function giveWay(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
