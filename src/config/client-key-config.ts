import { resolve } from "node:path";
import { digestOf } from "../lib/key-digest.ts";
import { Secret } from "../lib/secret.ts";
import { expiryFrom } from "./client-key-fields.ts";
import type { Report, SecretSources } from "./endpoint-auth.ts";
import { describeFileError } from "./find-file.ts";
import { valueAt } from "./key-list.ts";
import { describeType, isMapping } from "./problem.ts";
import type { ParsedConfig } from "./schema.ts";

/** A client's key as the rest of Olla gets it, wherever its hash came from. */
export type ClientKeyConfig = Omit<ParsedConfig["auth"]["keys"][number], "hash" | "key_file" | "expires"> & {
  /** `sha256:` and 64 digits, in lower case. */
  readonly hash: Secret;
  /** Milliseconds since the epoch. */
  readonly expires: number | undefined;
};

export interface KeySources extends SecretSources {
  /** Permission bits of a file; undefined where the system has none. */
  readonly readMode: (path: string) => Promise<number | undefined>;
}

const keysPath = ["auth", "keys"] as const;
const hashShape = /^sha256:[0-9a-f]{64}$/;
/** Keys in files may be anybody's invention; shorter ones can be found by trying. */
const shortestKey = 16;
const readableByAll = 0o004;

/**
 * What the schema cannot know about the list: that names and keys are unique, and what the files hold. Works on the raw
 * entries, so that it finds everything even when the schema has objections of its own.
 * @returns the hash of each entry, undefined where there is something wrong with it
 */
export async function readClientKeys(
  tree: unknown,
  sources: KeySources,
  report: Report,
): Promise<readonly (string | undefined)[]> {
  const entries = valueAt(tree, keysPath);
  if (!Array.isArray(entries)) return [];
  const names = new Map<string, number>();
  const owners = new Map<string, number>();
  const hashes: (string | undefined)[] = [];
  for (const [index, raw] of entries.entries()) {
    const entry = isMapping(raw) ? raw : {};
    const reportHere: Report = (path, message, severity) =>
      report([...keysPath, index, ...path], message, severity);
    checkName(entry.name, index, names, reportHere);
    const hash = await readHash(entry, sources, reportHere);
    hashes.push(hash);
    const owner = hash === undefined ? undefined : owners.get(hash);
    if (owner !== undefined) reportHere([], `expected a key of its own, got the one of entry ${owner}`);
    else if (hash !== undefined) owners.set(hash, index);
    warnOfExpiry(entry.expires, reportHere);
  }
  return hashes;
}

export function buildClientKeys(
  parsed: ParsedConfig["auth"]["keys"],
  hashes: readonly (string | undefined)[],
): ClientKeyConfig[] {
  return parsed.map(({ hash: _hash, key_file: _file, expires, ...rest }, index) => ({
    ...rest,
    hash: new Secret(hashes[index] ?? ""),
    expires: expires === undefined ? undefined : expiryFrom(expires),
  }));
}

function checkName(name: unknown, index: number, names: Map<string, number>, report: Report): void {
  if (name === undefined || name === null || name === "") {
    report(["name"], "expected a name, got nothing; it stands in logs in place of the key");
    return;
  }
  if (typeof name !== "string") return;
  const earlier = names.get(name);
  if (earlier === undefined) names.set(name, index);
  else report(["name"], `expected a name of its own, got ${JSON.stringify(name)} like entry ${earlier}`);
}

async function readHash(
  { hash, key_file: file }: Readonly<Record<string, unknown>>,
  sources: KeySources,
  report: Report,
): Promise<string | undefined> {
  const hasHash = hash !== undefined && hash !== null;
  const hasFile = file !== undefined && file !== null;
  if (hasHash === hasFile) {
    report(["hash"], `expected exactly one of hash and key_file, got ${hasHash ? "both" : "neither"}`);
    return undefined;
  }
  if (typeof hash === "string") {
    const text = hash.trim().toLowerCase();
    if (hashShape.test(text)) return text;
    // What stands here may be the key itself.
    report(["hash"], `expected "sha256:" and 64 hexadecimal digits, ${hintFor(hash)}`);
    return undefined;
  }
  return typeof file === "string" && file.trim() !== "" ? readKeyFile(file, sources, report) : undefined;
}

function hintFor(hash: string): string {
  return /^\s*sha-?\d+\W/i.test(hash)
    ? "got another number of digits, or other characters"
    : `got ${describeType(hash)} of another form; \`olla key new\` prints one`;
}

/** What a header can carry, and nobody finds by trying. Says nothing of the key. */
export function keyFault(key: string): string | undefined {
  // A comma is how the same header sent twice looks.
  if (!/^[\x21-\x2b\x2d-\x7e]+$/.test(key)) {
    return "expected one key without spaces and commas, of ASCII characters";
  }
  return key.length < shortestKey ? `expected a key of at least ${shortestKey} characters` : undefined;
}

/** @returns `sha256:` and 64 digits */
export async function readKeyFile(
  file: string,
  sources: KeySources,
  report: Report,
): Promise<string | undefined> {
  const key = await readKeyText(file, sources, report);
  return key === undefined ? undefined : `sha256:${digestOf(key)}`;
}

/** The key itself, for those who have to send it; everybody else needs no more than `readKeyFile` gives. */
export async function readKeyText(
  file: string,
  { cwd, readFile, readMode }: KeySources,
  report: Report,
): Promise<string | undefined> {
  const path = resolve(cwd, file);
  let text: string;
  try {
    text = await readFile(path);
  } catch (error) {
    const reason = describeFileError(error) ?? "it does not exist";
    report(["key_file"], `expected a readable file, but ${reason}: ${file}`);
    return undefined;
  }
  const key = text.replace(/^\uFEFF/, "").trim();
  const fault = key === "" ? "expected a file with a key in it, got an empty one" : keyFault(key);
  if (fault !== undefined) {
    report(["key_file"], `${fault}: ${file}`);
    return undefined;
  }
  const mode = await readMode(path);
  if (mode !== undefined && (mode & readableByAll) !== 0) {
    const shown = (mode & 0o777).toString(8);
    report(
      ["key_file"],
      `every user of this machine can read ${file} (mode ${shown}); \`chmod 600\` it`,
      "warning",
    );
  }
  return key;
}

function warnOfExpiry(raw: unknown, report: Report): void {
  const expires = typeof raw === "string" ? expiryFrom(raw) : Number.NaN;
  if (expires <= Date.now()) report(["expires"], "this key has expired, and is refused", "warning");
}
