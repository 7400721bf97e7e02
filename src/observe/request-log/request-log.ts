import type { Database } from "bun:sqlite";
import { resolve } from "node:path";
import type { Clock } from "../../lib/clock.ts";
import type { Logger } from "../../lib/log.ts";
import type { Outcome } from "../outcome.ts";
import type { OutcomeKinds } from "../outcome-kinds.ts";
import type { FoundRequest, RequestPage, RequestQuestion } from "../request-history.ts";
import { Journal } from "./journal.ts";
import { openDatabase } from "./open-database.ts";
import { Retention } from "./retention.ts";
import { readPage, readRequest } from "./row-reader.ts";
import { RowWriter } from "./row-writer.ts";

export interface RequestLogSettings {
  /** Of the database; from the working directory where it is relative. */
  readonly path: string;
  /** Milliseconds; 0 keeps rows of any age. */
  readonly maxAgeMs: number;
  /** Bytes; 0 is no limit. */
  readonly maxBytes: number;
  readonly clock: Clock;
  readonly logger: Logger;
  /** One for all who write of outcomes. */
  readonly kinds: OutcomeKinds;
}

/** One row per request in a file of SQLite's. */
export class RequestLog {
  readonly #database: Database;
  readonly #journal: Journal;
  readonly #writer: RowWriter;
  readonly #retention: Retention;

  /**
   * Opens the file, or makes it.
   * @throws RequestLogRefusal for a file that is something else; whatever the system says for one that cannot be written
   */
  constructor({ path, maxAgeMs, maxBytes, clock, logger, kinds }: RequestLogSettings) {
    const fullPath = resolve(path);
    const { database, journalMode } = openDatabase(fullPath);
    this.#database = database;
    if (journalMode !== "wal") {
      logger.warn("The request log's file system is a slow one for databases", { journal_mode: journalMode });
    }
    const journal = new Journal({ database, path: fullPath, maxBytes, isUsed: journalMode === "wal" });
    const retention = new Retention({ database, journal, maxAgeMs, maxBytes, clock, logger });
    this.#journal = journal;
    this.#retention = retention;
    this.#writer = new RowWriter({
      database,
      clock,
      logger,
      kinds,
      mayWrite: () => !journal.isBeingEmptied,
      onWritten: () => retention.look(),
    });
    retention.begin();
  }

  /** Quick, and throws nothing. What is given after `stop` is lost. */
  add(outcome: Outcome): void {
    this.#writer.add(outcome);
  }

  /** @throws OllaError invalid_request; whatever SQLite says where the file cannot be read */
  async list({ filter, ...question }: RequestQuestion): Promise<RequestPage> {
    await this.#writeWaiting();
    const oldest = this.#retention.oldestTime ?? Number.NEGATIVE_INFINITY;
    const since = Math.max(filter.since ?? Number.NEGATIVE_INFINITY, oldest);
    const bounded = Number.isFinite(since) ? { ...filter, since } : filter;
    const page = await readPage(this.#database, { ...question, filter: bounded });
    const { dropped } = this.#writer;
    return dropped === 0
      ? page
      : { ...page, note: `${dropped} requests could not be written since the start` };
  }

  /** @throws whatever SQLite says where the file cannot be read */
  async find(id: string): Promise<FoundRequest | undefined> {
    await this.#writeWaiting();
    return readRequest(this.#database, id, this.#retention.oldestTime);
  }

  /** So that whoever looks finds what has just ended. */
  async #writeWaiting(): Promise<void> {
    await this.#journal.emptied();
    this.#writer.flush();
  }

  /** Resolves when nothing is being deleted. */
  settled(): Promise<void> {
    return this.#retention.settled();
  }

  /** Writes what waits, and closes the file. Never rejects. */
  async stop(): Promise<void> {
    await this.#retention.stop();
    await this.#writer.close();
    await this.#journal.close();
  }
}
