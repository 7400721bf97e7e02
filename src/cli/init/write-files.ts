import { constants } from "node:fs";
import { copyFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { errorCodeOf } from "../../lib/error-code.ts";

/** Files that could not be written. The message says why, for people. */
export class WriteError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "WriteError";
  }
}

export interface NewFile {
  readonly path: string;
  readonly text: string;
}

/** Whether there is a folder to write into. */
export async function hasFolder(path: string): Promise<boolean> {
  return stat(dirname(path)).then(
    (folder) => folder.isDirectory(),
    () => false,
  );
}

/** Which of the files are there already. */
export async function findExisting(paths: readonly string[]): Promise<string[]> {
  const found = await Promise.all(
    paths.map((path) =>
      stat(path).then(
        () => true,
        () => false,
      ),
    ),
  );
  return paths.filter((_, index) => found[index]);
}

/**
 * Writes files all or none: first beside their places, where `check` may look at them, then into them. Without
 * `mayReplace` a file that has come up meanwhile stays as it is.
 * @param check gets the first file's temporary path and throws for what must not be kept
 * @throws WriteError, and what `check` throws; then nothing has changed
 */
export async function writeFiles(
  files: readonly NewFile[],
  mayReplace: boolean,
  check: (path: string) => Promise<void>,
): Promise<void> {
  const drafts = files.map(({ path, text }) => ({ path, text, draft: `${path}.${process.pid}.new` }));
  const placed: string[] = [];
  try {
    for (const { draft, path, text } of drafts)
      await writeFile(draft, text, { flag: "wx" }).catch(refuse(path));
    await check(drafts[0]?.draft ?? "");
    for (const { draft, path } of drafts) {
      const placing = mayReplace ? rename(draft, path) : copyFile(draft, path, constants.COPYFILE_EXCL);
      await placing.catch(refuse(path));
      placed.push(path);
    }
  } catch (error) {
    // A replaced file cannot be brought back, and what replaced it is right.
    if (!mayReplace) await Promise.all(placed.map((path) => rm(path, { force: true })));
    throw error;
  } finally {
    await Promise.all(drafts.map(({ draft }) => rm(draft, { force: true })));
  }
}

function refuse(path: string): (error: unknown) => never {
  return (error) => {
    const code = errorCodeOf(error) ?? "";
    throw new WriteError(`${path} cannot be written: ${reasons[code] ?? code}`, { cause: error });
  };
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: "its folder does not exist",
  ENOTDIR: "its folder is a file",
  EACCES: "permission denied",
  EPERM: "permission denied",
  EROFS: "the disk is read-only",
  ENOSPC: "the disk is full",
  EISDIR: "it is a folder",
  EEXIST: "it is there already",
};
