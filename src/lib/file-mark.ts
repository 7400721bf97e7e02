import { type Stats, statSync } from "node:fs";
import { lstat, stat, statfs } from "node:fs/promises";
import { dirname } from "node:path";
import { errorCodeOf } from "./error-code.ts";

/** What `markFile` gives for a file that is not there. */
export const absentMark = "ENOENT";

/**
 * Another text whenever the file behind the path is another one or was written to; follows links. That it is not there, or
 * may not be read, is a state as well: the system's code. Never rejects.
 */
export async function markFile(path: string): Promise<string> {
  try {
    return markOf(await stat(path));
  } catch (error) {
    return errorCodeOf(error) ?? "unknown";
  }
}

/** Whose change tells that a file may have changed. */
interface Witness {
  /** The file itself, or where it is not there the nearest folder that is: nothing comes into a folder unseen. */
  readonly path: string;
  readonly mark: string;
}

/** A folder that has just changed may change once more at what it takes for the same moment. */
const restlessMs = 2_000;

/**
 * `markFile` for those who ask for the same few files again and again. A file that was found on a disk of this machine is
 * asked for without a thread of the runtime's pool, several of which wake for each question; one on a network folder,
 * which may hang, is not. For one that is not there its folder is asked in the same way.
 * @param isLocal whether what is there lies on a disk of this machine; tests give their own
 */
export function createFileMarker(isLocal = linuxDisk): typeof markFile {
  if (isLocal === undefined) return markFile;
  const seen = new Map<string, { readonly mark: string; readonly witness: Witness | undefined }>();
  const findWitness = async (path: string, mark: string): Promise<Witness | undefined> => {
    if (mark !== absentMark) return (await isLocal(path)) ? { path, mark } : undefined;
    const folder = await nearestFolder(path);
    if (folder === undefined || !(await isLocal(folder.path))) return undefined;
    // It may have come before its folder was looked at.
    return (await markFile(path)) === absentMark ? folder : undefined;
  };
  return async (path) => {
    const before = seen.get(path);
    const witness = before?.witness;
    const witnessed = witness && markNow(witness.path);
    if (before !== undefined && witnessed !== undefined && witnessed === witness?.mark) return before.mark;
    const mark = witnessed !== undefined && witness?.path === path ? witnessed : await markFile(path);
    // Only what has changed may lie elsewhere now.
    const mayLieElsewhere = mark !== before?.mark || witness !== undefined || mark === absentMark;
    if (mayLieElsewhere) seen.set(path, { mark, witness: await findWitness(path, mark) });
    return mark;
  };
}

/** Undefined where a link leads to nothing: what it leads to may come without a trace in any folder on the way. */
async function nearestFolder(path: string): Promise<Witness | undefined> {
  for (let step = path; ; step = dirname(step)) {
    try {
      await lstat(step);
    } catch {
      if (step === dirname(step)) return undefined;
      continue;
    }
    try {
      const stats = await stat(step);
      const isQuiet = Date.now() - stats.mtimeMs > restlessMs;
      return isQuiet ? { path: step, mark: markOf(stats) } : undefined;
    } catch {
      return undefined;
    }
  }
}

function markNow(path: string): string {
  try {
    return markOf(statSync(path));
  } catch (error) {
    return errorCodeOf(error) ?? "unknown";
  }
}

function markOf({ dev, ino, size, mtimeMs }: Stats): string {
  return `${dev}:${ino}:${size}:${mtimeMs}`;
}

/** By their numbers in Linux's `statfs(2)`. What is not among them may be a network's. */
const diskFileSystems: ReadonlySet<number> = new Set([
  0xef53, // ext2, ext3, ext4
  0x58465342, // XFS
  0x9123683e, // Btrfs
  0x2fc12fc1, // ZFS
  0xf2f52010, // F2FS
  0x01021994, // tmpfs, which ConfigMaps and secrets lie on
  0x794c7630, // overlayfs
]);

const linuxDisk = process.platform === "linux" ? liesOnThisMachine : undefined;

/** False for what is not there. */
async function liesOnThisMachine(path: string): Promise<boolean> {
  try {
    const { type } = await statfs(path);
    return diskFileSystems.has(type);
  } catch {
    return false;
  }
}
