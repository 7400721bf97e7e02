import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";

export interface LogFileSettings {
  /** Made if it does not exist. */
  readonly folder: string;
  /** Size at which `olla.log` is put aside and a new one begun. */
  readonly maxBytes: number;
  /** Rotated files kept; 0 keeps none. */
  readonly maxBackups: number;
  /** Rotated files older than this go; 0 keeps them for ever. */
  readonly maxAgeMs: number;
}

export interface LogFile {
  /** Throws what the file system throws. */
  append(text: string): void;
}

const fileName = "olla.log";
const rotatedName = /^olla-\d{8}T\d{9}\.log\.gz$/;

/** Opens `olla.log` in the folder. Throws when the folder cannot be made or the file cannot be written. */
export function openLogFile(settings: LogFileSettings, wallTime: () => number): LogFile {
  mkdirSync(settings.folder, { recursive: true });
  const path = join(settings.folder, fileName);
  appendFileSync(path, "");
  let bytes = statSync(path).size;
  return {
    append(text) {
      const added = Buffer.byteLength(text);
      if (bytes > 0 && bytes + added > settings.maxBytes) {
        rotate(settings, wallTime());
        bytes = 0;
      }
      appendFileSync(path, text);
      bytes += added;
    },
  };
}

// Done in one go, on the thread that serves: a file of the usual 1 MiB takes about 10 ms, once in thousands of lines.
function rotate(settings: LogFileSettings, now: number): void {
  // Not imported: few rotate, and it brings 4 MiB of streams with it.
  const { gzipSync } = process.getBuiltinModule("node:zlib");
  const path = join(settings.folder, fileName);
  const putAside = `${path}.full`;
  renameSync(path, putAside);
  writeFileSync(freeName(settings.folder, now), gzipSync(readFileSync(putAside)));
  unlinkSync(putAside);
  removeOldBackups(settings, now);
}

// Names sort by age, so a second rotation within one millisecond takes the next one.
function freeName(folder: string, now: number): string {
  for (let time = now; ; time++) {
    const stamp = new Date(time).toISOString().replace(/[-:.Z]/g, "");
    const path = join(folder, `olla-${stamp}.log.gz`);
    if (!existsSync(path)) return path;
  }
}

function removeOldBackups(settings: LogFileSettings, now: number): void {
  const backups = readdirSync(settings.folder)
    .filter((name) => rotatedName.test(name))
    .sort()
    .reverse();
  for (const [index, name] of backups.entries()) {
    const path = join(settings.folder, name);
    const isTooOld = settings.maxAgeMs > 0 && now - statSync(path).mtimeMs > settings.maxAgeMs;
    if (index >= settings.maxBackups || isTooOld) unlinkSync(path);
  }
}
