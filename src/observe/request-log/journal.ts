import type { Database } from "bun:sqlite";
import { closeSync, fsync, openSync, statSync } from "node:fs";
import { promisify } from "node:util";

export interface JournalOptions {
  readonly database: Database;
  /** Of the database. */
  readonly path: string;
  /** Bytes of the file and the journal together; 0 is no limit. */
  readonly maxBytes: number;
  /** Whether the file system can do it. Where not, SQLite writes to the file at once, and there is nothing to move. */
  readonly isUsed: boolean;
}

/** Journal that is moved into the file: this much, or less where less is allowed. */
const mostBytes = 4 * 1024 * 1024;
const leastBytes = 128 * 1024;

const syncFile = promisify(fsync);

/**
 * SQLite's write-ahead log, in which transactions stand until they are moved into the file. SQLite does that by itself
 * and waits for the disk meanwhile, in this thread: hundreds of milliseconds on a slow one. Here it only copies, and the
 * waiting is done elsewhere. In that time nothing is written, so that the order is that of `synchronous=NORMAL`: the
 * journal is on the disk before the file changes, and the file before the journal is begun anew.
 */
export class Journal {
  readonly #database: Database;
  readonly #path: string;
  readonly #longBytes: number;
  readonly #isUsed: boolean;
  /** Both stay open: closing the database's file would take away the locks that SQLite has on it. */
  readonly #file: number;
  readonly #journal: number;
  #emptying: Promise<void> | undefined;

  constructor({ database, path, maxBytes, isUsed }: JournalOptions) {
    this.#isUsed = isUsed;
    this.#database = database;
    this.#path = `${path}-wal`;
    this.#longBytes = maxBytes === 0 ? mostBytes : Math.min(mostBytes, Math.max(leastBytes, maxBytes / 16));
    this.#file = openSync(path, "r+");
    this.#journal = openSync(this.#path, "a+", 0o600);
    database.run("PRAGMA wal_autocheckpoint = 0");
  }

  get bytes(): number {
    return statSync(this.#path, { throwIfNoEntry: false })?.size ?? 0;
  }

  get isBeingEmptied(): boolean {
    return this.#emptying !== undefined;
  }

  isLong(): boolean {
    return this.bytes > this.#longBytes;
  }

  /** Moves all of it into the file. @throws whatever SQLite or the system says */
  async empty(): Promise<void> {
    if (!this.#isUsed) return;
    this.#emptying ??= this.#empty().finally(() => {
      this.#emptying = undefined;
    });
    await this.#emptying;
  }

  /** Resolves when it is not being emptied, or no longer. Never rejects. */
  async emptied(): Promise<void> {
    while (this.#emptying !== undefined) await this.#emptying.catch(() => undefined);
  }

  /** Empties it, and closes the database. Never rejects. */
  async close(): Promise<void> {
    try {
      await this.empty();
    } catch {
      // Whoever opens the file next does it.
    }
    this.#database.close();
    closeSync(this.#journal);
    closeSync(this.#file);
  }

  async #empty(): Promise<void> {
    await syncFile(this.#journal);
    this.#database.run("PRAGMA synchronous = OFF");
    const isCopied = this.#checkpoint("PASSIVE");
    await syncFile(this.#file);
    const isBegunAnew = isCopied && this.#checkpoint("TRUNCATE");
    await syncFile(this.#journal);
    // Somebody else reads: then SQLite begins the journal anew when it likes, and has to see to the order itself.
    if (!isBegunAnew) this.#database.run("PRAGMA synchronous = NORMAL");
  }

  /** @returns whether all of the journal is in the file now */
  #checkpoint(mode: "PASSIVE" | "TRUNCATE"): boolean {
    using statement = this.#database.prepare(`PRAGMA wal_checkpoint(${mode})`);
    const [row] = statement.values();
    const [isBusy, written, copied] = row ?? [];
    return isBusy === 0 && written === copied;
  }
}
