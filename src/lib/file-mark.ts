import { stat } from "node:fs/promises";

/** What `markFile` gives for a file that is not there. */
export const absentMark = "ENOENT";

/**
 * Another text whenever the file behind the path is another one or was written to; follows links. That it is not there, or
 * may not be read, is a state as well: the system's code. Never rejects.
 */
export async function markFile(path: string): Promise<string> {
  try {
    const { dev, ino, size, mtimeMs } = await stat(path);
    return `${dev}:${ino}:${size}:${mtimeMs}`;
  } catch (error) {
    return error instanceof Error && "code" in error ? String(error.code) : "unknown";
  }
}
