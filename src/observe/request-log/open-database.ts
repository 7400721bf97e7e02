import type { Database } from "bun:sqlite";
import { closeSync, mkdirSync, openSync, readSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { errorCodeOf } from "../../lib/error-code.ts";
import { migrations } from "./schema.ts";

/** The file is not one that may be written to: whoever starts Olla has to say what is to become of it. */
export class RequestLogRefusal extends Error {
  constructor(problem: string, options: ErrorOptions = {}) {
    super(`request_log.path: ${problem}`, options);
    this.name = "RequestLogRefusal";
  }
}

export interface OpenedDatabase {
  readonly database: Database;
  /** `wal` wherever the file system can. */
  readonly journalMode: string;
}

/** "Olla", in the file's header. */
const applicationId = 0x4f6c6c61;
const sqliteHeader = "SQLite format 3\0";
const otherPath = "move it away, or name another file";
/** For a second Olla that opens the same file at this moment. Nobody is served yet. */
const openTimeoutMs = 2_000;

/**
 * Opens or makes the file, for its owner alone, and its folder. Blocks for some milliseconds; for a second or two where it
 * takes over a large file of an earlier version.
 * @throws RequestLogRefusal for a file that is something else; whatever the system says for one that cannot be written
 */
export function openDatabase(path: string): OpenedDatabase {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  refuseForeignFile(path);
  // Not imported: whoever keeps no log need not load it, and a start cannot wait for a promise.
  const { Database } = process.getBuiltinModule("bun:sqlite") as typeof import("bun:sqlite");
  const database = new Database(path, { readwrite: true, create: true });
  try {
    database.run(`PRAGMA busy_timeout = ${openTimeoutMs}`);
    database.run("PRAGMA auto_vacuum = INCREMENTAL");
    refuseForeignContent(database, path);
    const journalMode = readPragma(database, "journal_mode = WAL");
    database.run("PRAGMA synchronous = NORMAL");
    migrate(database, path);
    // From now on nobody waits for a lock: requests are served in this thread.
    database.run("PRAGMA busy_timeout = 0");
    return { database, journalMode: String(journalMode) };
  } catch (error) {
    database.close();
    const code = errorCodeOf(error);
    if (code === "SQLITE_NOTADB" || code === "SQLITE_CORRUPT") {
      throw new RequestLogRefusal(`${path} is a damaged database: ${otherPath}`, { cause: error });
    }
    throw error;
  }
}

/** @param text the name, perhaps with `= value` */
export function readPragma(database: Database, text: string): unknown {
  using statement = database.prepare(`PRAGMA ${text}`);
  return statement.values()[0]?.[0];
}

/**
 * Before SQLite sees it, which takes some files for empty databases. The mode is that of a new file only. Not to be done
 * later: closing a file takes away the locks that SQLite has on it.
 */
function refuseForeignFile(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) {
    throw new RequestLogRefusal(`${path} is a folder: name a file in it`);
  }
  const file = openSync(path, "a+", 0o600);
  try {
    const header = Buffer.alloc(sqliteHeader.length);
    const length = readSync(file, header, 0, header.length, 0);
    if (length > 0 && header.toString("latin1", 0, length) !== sqliteHeader) {
      throw new RequestLogRefusal(`${path} is no database: ${otherPath}`);
    }
  } finally {
    closeSync(file);
  }
}

function refuseForeignContent(database: Database, path: string): void {
  const isEmpty = readPragma(database, "schema_version") === 0;
  if (!isEmpty && readPragma(database, "application_id") !== applicationId) {
    throw new RequestLogRefusal(`${path} is a database of something else: ${otherPath}`);
  }
}

function migrate(database: Database, path: string): void {
  const apply = database.transaction(() => {
    // Looked at in here: another Olla may have been at it.
    const version = Number(readPragma(database, "user_version"));
    if (version > migrations.length) {
      throw new RequestLogRefusal(
        `${path} is of a newer Olla (version ${version} of the file, and this one knows ${migrations.length}): use that one, or ${otherPath}`,
      );
    }
    for (const statement of migrations.slice(version).flat()) database.run(statement);
    if (version === migrations.length) return;
    database.run(`PRAGMA application_id = ${applicationId}`);
    database.run(`PRAGMA user_version = ${migrations.length}`);
  });
  apply.immediate();
}
