import { type Dirent, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import * as v from "valibot";
import { type Document, isMap, isNode, isPair, LineCounter, parseDocument } from "yaml";
import { type ConfigProblem, isMapping, joinPath, type KeyPath } from "../config/problem.ts";
import { errorCodeOf } from "../lib/error-code.ts";
import { compileGlobs, type GlobFilter } from "../lib/glob.ts";
import { nearestNames } from "../lib/nearest.ts";
import { builtinProfiles } from "./builtin.ts";
import { compileMetrics } from "./metrics-block.ts";
import { listFormats, type Profile } from "./profile.ts";
import { ProfileSet } from "./profile-set.ts";
import { findListFormat, profileSchema, toProfile } from "./schema.ts";
import { findUnknownKeys } from "./unknown-keys.ts";

/** Where a user's own profiles are looked for, relative to the working directory. */
export const profileFolder = "./config/profiles";

export interface LoadProfilesOptions {
  /** A missing folder is fine: then there are only the built-in profiles. */
  readonly folder?: string;
  /** `proxy.profile_filter`: which names stay, built-in or not. */
  readonly filter?: GlobFilter;
}

export interface LoadedProfiles {
  readonly profiles: ProfileSet;
  /** Warnings only: a broken file is left out and the rest goes on. */
  readonly problems: readonly ConfigProblem[];
  /** The files and folders that were looked at, as they were named. */
  readonly readPaths: readonly string[];
}

/**
 * Built-in profiles first, then every `*.yaml` below the folder in lexical order. A user's profile replaces a built-in
 * of the same name as a whole and keeps its place in the order. Reads files, never throws for what is in them.
 */
export function loadProfiles(options: LoadProfilesOptions = {}): LoadedProfiles {
  const problems: ConfigProblem[] = [];
  const byName = new Map(builtinProfiles().map((profile) => [profile.name, profile]));
  const definedIn = new Map<string, string>();
  const readPaths: string[] = [];

  for (const file of findProfileFiles(options.folder ?? profileFolder, problems, readPaths)) {
    const profile = readProfile(file, problems);
    if (profile === undefined) continue;
    const earlier = definedIn.get(profile.name);
    if (earlier !== undefined) {
      const message = `"${profile.name}" is also defined in ${earlier}; this file wins`;
      problems.push(warning(file, "name", message));
    }
    definedIn.set(profile.name, file);
    byName.set(profile.name, profile);
  }

  const admits = compileGlobs(options.filter ?? {});
  const { admitted = [], leftOut = [] } = Object.groupBy(byName.values(), ({ name }) =>
    admits(name) ? "admitted" : "leftOut",
  );
  const profiles = new ProfileSet(admitted, leftOut);
  for (const { prefix, owner, loser } of profiles.contestedPrefixes()) {
    const message = `"${prefix}" belongs to "${owner}" already; "${loser}" does not get it`;
    problems.push(warning(definedIn.get(loser), "routing.prefixes", message));
  }
  return { profiles, problems, readPaths };
}

function findProfileFiles(folder: string, problems: ConfigProblem[], readPaths: string[]): string[] {
  let entries: Dirent[];
  readPaths.push(folder);
  try {
    entries = readdirSync(folder, { withFileTypes: true });
  } catch (error) {
    if (errorCodeOf(error) !== "ENOENT") {
      problems.push(unreadable(folder, error));
    }
    return [];
  }
  entries.sort((left, right) => (left.name < right.name ? -1 : 1));
  return entries.flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return findProfileFiles(path, problems, readPaths);
    if (!entry.name.endsWith(".yaml")) return [];
    readPaths.push(path);
    return [path];
  });
}

function readProfile(file: string, problems: ConfigProblem[]): Profile | undefined {
  let source: string;
  try {
    source = readFileSync(file, "utf8");
  } catch (error) {
    problems.push(unreadable(file, error));
    return undefined;
  }
  return parseProfile(file, source, problems);
}

/** One file's text to a profile. Adds a warning with its position for everything that is wrong with it. */
export function parseProfile(file: string, source: string, problems: ConfigProblem[]): Profile | undefined {
  const lineCounter = new LineCounter();
  const document = parseDocument(source, { lineCounter, prettyErrors: false });
  const syntaxError = document.errors[0];
  if (syntaxError !== undefined) {
    const position = positionOf(lineCounter, syntaxError.pos[0]);
    const message = `${syntaxError.message}; profile skipped`;
    problems.push({ ...warning(file, "", message), kind: "syntax", ...position });
    return undefined;
  }

  const written: unknown = document.toJS();
  const content = withoutNulls(written);
  const at = (path: KeyPath) => positionOf(lineCounter, offsetOf(document, path));
  if (!isMapping(content)) {
    problems.push({ ...warning(file, "", "expected a mapping; profile skipped"), ...at([]) });
    return undefined;
  }
  // With the keys that have no value: a comma in an unquoted text leaves such a key behind.
  for (const { path, nearest } of findUnknownKeys(written)) {
    const hint = nearest === undefined ? "" : `, did you mean "${nearest}"?`;
    problems.push({
      ...warning(file, joinPath(path), `unknown key${hint}`),
      kind: "unknown-key",
      ...at(path),
    });
  }

  const result = v.safeParse(profileSchema, content);
  if (!result.success) {
    for (const issue of result.issues) {
      const path = (issue.path ?? []).map((item) => item.key as string | number);
      problems.push({
        ...warning(file, joinPath(path), `${lowerFirst(issue.message)}; profile skipped`),
        ...at(path),
      });
    }
    return undefined;
  }
  const wanted = result.output.request.response_format;
  if (findListFormat(wanted) === undefined) {
    const nearest = nearestNames(wanted, listFormats, 1)[0];
    const hint =
      nearest === undefined ? `, known are ${listFormats.join(", ")}` : `, did you mean "${nearest}"?`;
    const path = ["request", "response_format"];
    const message = `unknown format "${wanted}"${hint}; read as openai`;
    problems.push({ ...warning(file, joinPath(path), message), ...at(path) });
  }
  for (const { path, message } of compileMetrics(result.output.metrics).problems) {
    problems.push({ ...warning(file, joinPath(path), message), ...at(path) });
  }
  return toProfile(result.output);
}

function warning(file: string | undefined, path: string, message: string): ConfigProblem {
  return { severity: "warning", kind: "value", path, message, ...(file === undefined ? {} : { file }) };
}

/** An empty value (`aliases:`) means the same as an absent key. */
function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (!isMapping(value)) return value;
  const present = Object.entries(value).filter(([, child]) => child !== null);
  return Object.fromEntries(present.map(([key, child]) => [key, withoutNulls(child)]));
}

/** Where the deepest part of the path that exists begins; a mapping's entry begins at its key. */
function offsetOf(document: Document, path: KeyPath): number {
  let offset = isNode(document.contents) ? (document.contents.range?.[0] ?? 0) : 0;
  for (let length = 1; length <= path.length; length += 1) {
    const parent: unknown =
      length === 1 ? document.contents : document.getIn(path.slice(0, length - 1), true);
    const key = path[length - 1];
    const pair = isMap(parent)
      ? parent.items.find((item) => isPair(item) && String(item.key) === String(key))
      : undefined;
    const node: unknown = pair === undefined ? document.getIn(path.slice(0, length), true) : pair.key;
    if (isNode(node)) offset = node.range?.[0] ?? offset;
  }
  return offset;
}

function positionOf(lineCounter: LineCounter, offset: number): { line: number; column: number } {
  const { line, col } = lineCounter.linePos(offset);
  return { line: Math.max(1, line), column: Math.max(1, col) };
}

function unreadable(path: string, error: unknown): ConfigProblem {
  return { ...warning(path, "", `cannot be read: ${errorCodeOf(error) ?? "unknown"}`), kind: "file" };
}

function lowerFirst(message: string): string {
  return message.charAt(0).toLowerCase() + message.slice(1);
}
