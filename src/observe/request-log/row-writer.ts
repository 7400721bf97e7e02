import type { Database, Statement } from "bun:sqlite";
import type { Clock } from "../../lib/clock.ts";
import type { Logger } from "../../lib/log.ts";
import type { Outcome } from "../outcome.ts";
import { Complaints } from "./complaints.ts";
import { columnList, columnNames, toColumns } from "./row-columns.ts";
import { TraceText } from "./trace-text.ts";

export interface RowWriterOptions {
  readonly database: Database;
  readonly clock: Clock;
  readonly logger: Pick<Logger, "warn" | "info">;
  /** Whether the file may be written to at this moment; where not it soon will be. */
  readonly mayWrite: () => boolean;
  /** Called after each transaction. */
  readonly onWritten: () => void;
}

/** Rows of one transaction: about 3 ms. */
const batchRows = 500;
const flushMs = 250;
/** Between two looks whether it may be written. */
const heldMs = 20;
/** After a failure. */
const retryMs = 1_000;
/** Outcomes that may wait for the disk, some 2 KiB each. */
const maxWaiting = 20_000;
const droppedAtOnce = 1_000;

/**
 * Writes outcomes to the database some time after they were given, many in one transaction. Giving one costs nothing but
 * a place in a list; nothing ever throws or waits there. While the database does not take rows they wait, and when too
 * many do the oldest are dropped.
 */
export class RowWriter {
  readonly #options: RowWriterOptions;
  readonly #insertRow: Statement;
  readonly #insertTrace: Statement;
  readonly #writeAll: (rows: readonly PreparedRow[]) => void;
  readonly #complaints: Complaints;
  readonly #traces = new TraceText();
  readonly #waiting: Outcome[] = [];
  #dropped = 0;
  #isFailing = false;
  #isClosed = false;
  /** Undefined while nothing waits. Only one for `flushMs` is made shorter when much waits. */
  #timer: { readonly cancel: () => void; readonly isFixed: boolean } | undefined;

  constructor(options: RowWriterOptions) {
    const { database, logger, clock } = options;
    this.#options = options;
    this.#complaints = new Complaints(logger, clock);
    const places = columnNames.map(() => "?").join(", ");
    this.#insertRow = database.prepare(`INSERT INTO requests (${columnList}) VALUES (${places})`);
    this.#insertTrace = database.prepare("INSERT INTO traces (seq, trace) VALUES (?, ?)");
    this.#writeAll = database.transaction((rows: readonly PreparedRow[]) => {
      for (const { columns, trace } of rows) {
        const { lastInsertRowid } = this.#insertRow.run(...columns);
        this.#insertTrace.run(lastInsertRowid, trace);
      }
    }).immediate;
  }

  /** Requests that will never be on record, since the start. */
  get dropped(): number {
    return this.#dropped;
  }

  add(outcome: Outcome): void {
    if (this.#isClosed) return;
    if (this.#waiting.length >= maxWaiting) {
      this.#dropped += this.#waiting.splice(0, droppedAtOnce).length;
      this.#complain(undefined);
    }
    this.#waiting.push(outcome);
    if (this.#timer === undefined) this.#arm(flushMs);
    else if (this.#waiting.length >= batchRows && !this.#timer.isFixed) this.#arm(0);
  }

  /** Writes what waits, as much as one transaction takes. */
  flush(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    if (this.#waiting.length === 0 || this.#isClosed) return;
    const mayWrite = this.#options.mayWrite();
    if (mayWrite) this.#writeBatch();
    if (!mayWrite) this.#arm(heldMs);
    else if (this.#isFailing) this.#arm(retryMs);
    else if (this.#waiting.length > 0) this.#arm(0);
  }

  /** Writes all that waits and takes no more. To be called when the file may be written to. Never rejects. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#timer?.cancel();
    while (this.#waiting.length > 0) {
      this.#writeBatch();
      if (this.#isFailing) break;
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
    if (this.#waiting.length > 0) {
      const rows = this.#waiting.length;
      this.#options.logger.warn("The last requests could not be written to the request log", { rows });
    }
    this.#insertRow.finalize();
    this.#insertTrace.finalize();
  }

  #arm(delayMs: number): void {
    this.#timer?.cancel();
    const cancel = this.#options.clock.after(delayMs, () => this.flush());
    this.#timer = { cancel, isFixed: delayMs !== flushMs };
  }

  #writeBatch(): void {
    const batch = this.#waiting.slice(0, batchRows);
    const rows: PreparedRow[] = [];
    for (const outcome of batch) {
      const row = this.#prepare(outcome);
      if (row !== undefined) rows.push(row);
    }
    try {
      this.#writeAll(rows);
    } catch (error) {
      // Locked, full, gone: the rows stay where they are, and the next try may do.
      this.#isFailing = true;
      this.#complain(error);
      return;
    }
    this.#waiting.splice(0, batch.length);
    this.#dropped += batch.length - rows.length;
    this.#isFailing = false;
    this.#complaints.settle("The request log takes rows again", { dropped: this.#dropped });
    this.#options.onWritten();
  }

  /** Undefined for one that no row can be made of: it must not keep others waiting. */
  #prepare(outcome: Outcome): PreparedRow | undefined {
    try {
      return { columns: toColumns(outcome), trace: this.#traces.write(outcome) };
    } catch (error) {
      this.#complain(error);
      return undefined;
    }
  }

  #complain(error: unknown): void {
    this.#complaints.raise(
      error === undefined
        ? "The request log leaves requests out: there are more than can be written"
        : "The request log could not be written",
      {
        error: error === undefined ? undefined : String(error),
        waiting: this.#waiting.length,
        dropped: this.#dropped,
      },
    );
  }
}

interface PreparedRow {
  readonly columns: ReturnType<typeof toColumns>;
  readonly trace: string;
}
