import { digestOf } from "../lib/key-digest.ts";
import { type KeySources, keyFault, readKeyFile } from "./client-key-config.ts";
import { type Report, resolveText } from "./endpoint-auth.ts";
import { valueAt } from "./key-list.ts";

const adminPath = ["server", "admin"] as const;

/**
 * The SHA-256 of the admin key in hexadecimal, wherever the key stands; undefined where there is none, or something is
 * wrong with it.
 */
export async function readAdminKey(
  tree: unknown,
  sources: KeySources,
  report: Report,
): Promise<string | undefined> {
  const reportHere: Report = (path, message, severity) => report([...adminPath, ...path], message, severity);
  const key = valueAt(tree, [...adminPath, "key"]);
  const file = valueAt(tree, [...adminPath, "key_file"]);
  if (typeof key === "string") {
    const text = resolveText(key, ["key"], sources, reportHere)?.trim();
    if (text === undefined) return undefined;
    const fault = keyFault(text);
    if (fault === undefined) return digestOf(text);
    reportHere(["key"], fault);
    return undefined;
  }
  if (typeof file !== "string" || file.trim() === "") return undefined;
  return (await readKeyFile(file, sources, reportHere))?.replace(/^sha256:/, "");
}
