import type { Database, Statement } from "bun:sqlite";
import type { Clock } from "../../lib/clock.ts";
import type { Logger } from "../../lib/log.ts";
import type { Outcome } from "../outcome.ts";
import { hasOneStory, type OutcomeKind, type OutcomeKinds } from "../outcome-kinds.ts";
import { Complaints } from "./complaints.ts";
import {
  type ColumnValue,
  type EntryValues,
  entryInsert,
  entryValues,
  kindInsert,
  kindValues,
  traceText,
} from "./row-columns.ts";

export interface RowWriterOptions {
  readonly database: Database;
  readonly clock: Clock;
  readonly logger: Pick<Logger, "warn" | "info">;
  readonly kinds: OutcomeKinds;
  /** Whether the file may be written to at this moment; where not it soon will be. */
  readonly mayWrite: () => boolean;
  /** Called after each transaction. */
  readonly onWritten: () => void;
}

/** Rows of one transaction: about a millisecond, where they are much alike. */
export const batchRows = 500;
const flushMs = 250;
/** Between two looks whether it may be written. */
const heldMs = 20;
/** After a failure. */
const retryMs = 1_000;
/** Rows that may wait for the disk: some 300 bytes each, or 2 KiB where each is of a kind of its own. */
const maxWaiting = 20_000;
/** Of these, outcomes that are kept as they are until there are so many: they are still in the processor's cache. */
const mostFresh = 64;
const droppedAtOnce = 1_000;

/** What of an outcome is written. */
interface WaitingRow {
  readonly kind: OutcomeKind;
  readonly values: EntryValues;
  /** Of one whose trace the columns cannot tell: no other is of its kind. */
  readonly outcome: Outcome | undefined;
}

/**
 * Writes outcomes to the database some time after they were given, many in one transaction. Giving one costs nothing but
 * a place in a list; nothing ever throws or waits there. While the database does not take rows they wait, and when too
 * many do the oldest are dropped.
 */
export class RowWriter {
  readonly #options: RowWriterOptions;
  readonly #newest: Statement<{ seq: number }, []>;
  readonly #insertKind: Statement;
  readonly #insertEntry: Statement;
  readonly #insertTrace: Statement;
  readonly #writeAll: (rows: readonly WaitingRow[]) => number;
  readonly #complaints: Complaints;
  /** Not looked at yet. */
  #fresh: Outcome[] = [];
  readonly #waiting: WaitingRow[] = [];
  #dropped = 0;
  #isFailing = false;
  #isClosed = false;
  /** Undefined while nothing waits. Only one for `flushMs` is made shorter when much waits. */
  #timer: { readonly cancel: () => void; readonly isFixed: boolean } | undefined;

  constructor(options: RowWriterOptions) {
    const { database, logger, clock } = options;
    this.#options = options;
    this.#complaints = new Complaints(logger, clock);
    this.#newest = database.prepare("SELECT coalesce(max(seq), 0) AS seq FROM entries");
    // Where the log was empty once, numbers begin anew, and an older kind may have this one.
    this.#insertKind = database.prepare(
      `INSERT OR REPLACE INTO kinds (kind, ${kindInsert.list}) VALUES (?, ${kindInsert.places})`,
    );
    this.#insertEntry = database.prepare(
      `INSERT INTO entries (${entryInsert.list}) VALUES (${entryInsert.places})`,
    );
    this.#insertTrace = database.prepare("INSERT INTO trace_texts (seq, trace) VALUES (?, ?)");
    this.#writeAll = database.transaction((rows: readonly WaitingRow[]) => this.#insert(rows)).immediate;
  }

  /** Requests that will never be on record, since the start. */
  get dropped(): number {
    return this.#dropped;
  }

  add(outcome: Outcome): void {
    if (this.#isClosed) return;
    if (this.#waiting.length + this.#fresh.length >= maxWaiting) {
      this.#dropped += this.#waiting.splice(0, droppedAtOnce).length;
      this.#complain(undefined);
    }
    this.#fresh.push(outcome);
    if (this.#fresh.length >= mostFresh) this.#takeValues();
    if (this.#timer === undefined) this.#arm(flushMs);
    else if (this.#waiting.length + this.#fresh.length >= batchRows && !this.#timer.isFixed) this.#arm(0);
  }

  /** Writes what waits, as much as one transaction takes. */
  flush(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#takeValues();
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
    this.#takeValues();
    while (this.#waiting.length > 0) {
      this.#writeBatch();
      if (this.#isFailing) break;
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
    if (this.#waiting.length > 0) {
      const rows = this.#waiting.length;
      this.#options.logger.warn("The last requests could not be written to the request log", { rows });
    }
    for (const statement of [this.#newest, this.#insertKind, this.#insertEntry, this.#insertTrace]) {
      statement.finalize();
    }
  }

  #arm(delayMs: number): void {
    this.#timer?.cancel();
    const cancel = this.#options.clock.after(delayMs, () => this.flush());
    this.#timer = { cancel, isFixed: delayMs !== flushMs };
  }

  /** Many in one go, which takes less time than each by itself. */
  #takeValues(): void {
    for (const outcome of this.#fresh) {
      this.#waiting.push({
        kind: this.#options.kinds.of(outcome),
        values: entryValues(outcome),
        outcome: hasOneStory(outcome) ? undefined : outcome,
      });
    }
    this.#fresh = [];
  }

  #writeBatch(): void {
    const batch = this.#waiting.slice(0, batchRows);
    let written: number;
    try {
      written = this.#writeAll(batch);
    } catch (error) {
      // Locked, full, gone: the rows stay where they are, and the next try may do.
      this.#isFailing = true;
      this.#complain(error);
      return;
    }
    this.#waiting.splice(0, batch.length);
    this.#dropped += batch.length - written;
    this.#isFailing = false;
    this.#complaints.settle("The request log takes rows again", { dropped: this.#dropped });
    this.#options.onWritten();
  }

  /** @returns how many: one that no row can be made of must not keep others waiting */
  #insert(rows: readonly WaitingRow[]): number {
    const first = (this.#newest.get()?.seq ?? 0) + 1;
    const numbers = new Map<OutcomeKind, number>();
    let seq = first;
    for (const { kind, values, outcome } of rows) {
      let number = numbers.get(kind);
      if (number === undefined) {
        const texts = this.#textsOf(kind, outcome);
        if (texts === undefined) continue;
        number = seq;
        this.#insertKind.run(number, ...texts.kindValues);
        if (texts.trace !== undefined) this.#insertTrace.run(seq, texts.trace);
        numbers.set(kind, number);
      }
      values[0] = seq;
      values[1] = number;
      // A list, which is not copied as parameters are.
      this.#insertEntry.run(values);
      seq += 1;
    }
    return seq - first;
  }

  #textsOf(kind: OutcomeKind, outcome: Outcome | undefined): KindTexts | undefined {
    try {
      return { kindValues: kindValues(kind.common), trace: outcome && traceText(outcome) };
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

interface KindTexts {
  readonly kindValues: readonly ColumnValue[];
  /** Of a request that is the only one of its kind. */
  readonly trace: string | undefined;
}
