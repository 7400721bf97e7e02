import { type Stats, statSync } from "node:fs";
import { stat, statfs } from "node:fs/promises";
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

/**
 * `markFile` for those who ask for the same few files again and again. A file that was found on a disk of this machine is
 * asked for without a thread of the runtime's pool, several of which wake for each question; one on a network folder,
 * which may hang, is not.
 * @param isLocal tests give their own
 */
export function createFileMarker(isLocal = liesOnThisMachine): typeof markFile {
  const seen = new Map<string, { readonly mark: string; readonly isLocal: boolean }>();
  return async (path) => {
    const before = seen.get(path);
    const mark = before?.isLocal === true ? markNow(path) : await markFile(path);
    // Only what has changed may lie elsewhere now.
    if (mark !== before?.mark) seen.set(path, { mark, isLocal: await isLocal(path) });
    return mark;
  };
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

/** False for what is not there. */
async function liesOnThisMachine(path: string): Promise<boolean> {
  if (process.platform !== "linux") return false;
  try {
    const { type } = await statfs(path);
    return diskFileSystems.has(type);
  } catch {
    return false;
  }
}
