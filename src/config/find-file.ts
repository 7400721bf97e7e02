import { readFile as readFileFromDisk, stat } from "node:fs/promises";
import { resolve } from "node:path";
import { errorCodeOf } from "../lib/error-code.ts";
import type { Environment } from "./environment.ts";

/**
 * Looked for in this order when nobody names a file, the last one where containers have it mounted. Exactly one is read;
 * they are never merged.
 */
export const defaultFiles = [
  "config/config.local.yaml",
  "config/config.yaml",
  "config.yaml",
  "default.yaml",
  "/config.yaml",
];

/** Rejects with Node's error codes (`ENOENT`, `EACCES`, `EISDIR`). */
export type ReadTextFile = (path: string) => Promise<string>;

export function readTextFile(path: string): Promise<string> {
  return readFileFromDisk(path, "utf8");
}

/** Permission bits; undefined where the system has none of that kind, and for a file that is not there. Never rejects. */
export async function readFileMode(path: string): Promise<number | undefined> {
  if (process.platform === "win32") return undefined;
  return stat(path).then(
    ({ mode }) => mode,
    () => undefined,
  );
}

export type FoundFile =
  | { readonly kind: "found"; readonly file: string; readonly text: string }
  | { readonly kind: "none" }
  | { readonly kind: "unreadable"; readonly file: string; readonly message: string };

interface Search {
  /** From the command line. */
  readonly path: string | undefined;
  readonly env: Environment;
  readonly cwd: string;
  readonly readFile: ReadTextFile;
}

/** Chooses and reads the configuration file: `--config`, else `OLLA_CONFIG_FILE`, else the first default that exists. */
export async function findConfigFile({ path, env, cwd, readFile }: Search): Promise<FoundFile> {
  const named = path ?? (env.OLLA_CONFIG_FILE || undefined);
  if (named !== undefined) {
    const asked = path === undefined ? " (from OLLA_CONFIG_FILE)" : "";
    try {
      return { kind: "found", file: named, text: await readFile(resolve(cwd, named)) };
    } catch (error) {
      const reason = describeFileError(error);
      const message = reason === undefined ? "not found" : `cannot be read, ${reason}`;
      return {
        kind: "unreadable",
        file: named,
        message: `specified config file ${message}: ${named}${asked}`,
      };
    }
  }
  for (const file of defaultFiles) {
    try {
      return { kind: "found", file, text: await readFile(resolve(cwd, file)) };
    } catch (error) {
      const reason = describeFileError(error);
      if (reason === undefined) continue;
      return { kind: "unreadable", file, message: `config file cannot be read, ${reason}: ${file}` };
    }
  }
  return { kind: "none" };
}

/** Why a file that exists cannot be read; `undefined` when it does not exist. */
export function describeFileError(error: unknown): string | undefined {
  const code = errorCodeOf(error) ?? "";
  if (code === "ENOENT" || code === "ENOTDIR") return undefined;
  if (code === "EISDIR") return "it is a directory";
  if (code === "EACCES" || code === "EPERM") return "permission denied";
  return code === "" ? "reading failed" : `reading failed with ${code}`;
}
