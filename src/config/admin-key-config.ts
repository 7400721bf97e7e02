import { digestOf } from "../lib/key-digest.ts";
import { Secret } from "../lib/secret.ts";
import { type KeySources, keyFault, readKeyText } from "./client-key-config.ts";
import { type Report, resolveText } from "./endpoint-auth.ts";
import { valueAt } from "./key-list.ts";

const adminPath = ["server", "admin"] as const;

/**
 * The SHA-256 of the admin key in hexadecimal, wherever the key stands; undefined where there is none, or something is
 * wrong with it.
 * @param tell is given the key itself, once, where there is one: for programs that have to send it
 */
export async function readAdminKey(
  tree: unknown,
  sources: KeySources,
  report: Report,
  tell?: (key: Secret) => void,
): Promise<string | undefined> {
  const key = await readText(tree, sources, (path, message, severity) =>
    report([...adminPath, ...path], message, severity),
  );
  if (key === undefined) return undefined;
  tell?.(new Secret(key));
  return digestOf(key);
}

async function readText(tree: unknown, sources: KeySources, report: Report): Promise<string | undefined> {
  const key = valueAt(tree, [...adminPath, "key"]);
  const file = valueAt(tree, [...adminPath, "key_file"]);
  if (typeof key === "string") {
    const text = resolveText(key, ["key"], sources, report)?.trim();
    const fault = text === undefined ? undefined : keyFault(text);
    if (fault === undefined) return text;
    report(["key"], fault);
    return undefined;
  }
  if (typeof file !== "string" || file.trim() === "") return undefined;
  return await readKeyText(file, sources, report);
}
