import { gzipSync } from "node:zlib";
import { type Zippable, zipSync } from "fflate";
import { createTar } from "nanotar";

export interface ArchiveFile {
  /** Path inside the archive, with slashes. */
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly isExecutable?: boolean;
}

export interface ArchiveSettings {
  /** Each file's time. With the same files and time come the same bytes. */
  readonly date: Date;
}

/** Two blocks of zeros end a tar file. */
const endOfTar = new Uint8Array(1024);

/** Files in the order of their names, owned by nobody in particular, in a tar file compressed with gzip. */
export function tarGzip(files: readonly ArchiveFile[], { date }: ArchiveSettings): Uint8Array {
  const entries = sortFiles(files).map(({ path, bytes, isExecutable = false }) => {
    // Longer ones would be cut without a word.
    if (Buffer.byteLength(path) > 100) throw new Error(`${path} is too long a name for a tar file`);
    return { name: path, data: bytes, attrs: { mode: isExecutable ? "755" : "644" } };
  });
  const tar = createTar(entries, {
    attrs: { mtime: date.getTime(), uid: 0, gid: 0, user: "root", group: "root" },
  });
  return gzipSync(Buffer.concat([tar, endOfTar]), { level: 9 });
}

/** The same as a zip file, for Windows. Its times are those of UTC, in steps of two seconds. */
export function zip(files: readonly ArchiveFile[], { date }: ArchiveSettings): Uint8Array {
  const contents: Zippable = {};
  for (const { path, bytes, isExecutable = false } of sortFiles(files)) {
    contents[path] = [bytes, { attrs: (isExecutable ? 0o100755 : 0o100644) << 16, os: 3 }];
  }
  return zipSync(contents, { level: 9, mtime: asLocalTime(date) });
}

function sortFiles(files: readonly ArchiveFile[]): readonly ArchiveFile[] {
  return files.toSorted((one, other) => (one.path < other.path ? -1 : 1));
}

/** Zip files have no time zone: the library writes the machine's own, which must not change the bytes. */
function asLocalTime(date: Date): Date {
  return new Date(
    date.getUTCFullYear(),
    date.getUTCMonth(),
    date.getUTCDate(),
    date.getUTCHours(),
    date.getUTCMinutes(),
    date.getUTCSeconds(),
  );
}
