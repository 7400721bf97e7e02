import * as v from "valibot";
import { Secret } from "../lib/secret.ts";
import { readAdminKey } from "./admin-key-config.ts";
import { checkAliases } from "./alias-checks.ts";
import { buildClientKeys, readClientKeys } from "./client-key-config.ts";
import { type ConfigDrafts, readDrafts } from "./drafts.ts";
import type { Report } from "./endpoint-auth.ts";
import {
  buildEndpoint,
  type EndpointSecrets,
  endpointIndex,
  endpointLabel,
  endpointsPath,
  readEndpointSecrets,
} from "./endpoints.ts";
import {
  applyOverrides,
  type Environment,
  findInertVariables,
  findMistypedVariables,
  findOverrides,
  type Override,
} from "./environment.ts";
import { findConfigFile, type ReadTextFile, readFileMode, readTextFile } from "./find-file.ts";
import { type ListedKey, listKeys, valueAt } from "./key-list.ts";
import { findAdvice, findUnknownKeys, findUnusedKeys, type Notice } from "./notices.ts";
import { type OtlpSettings, readOtlpSettings } from "./otlp-settings.ts";
import {
  type ConfigProblem,
  comparePositions,
  isMapping,
  joinPath,
  type KeyPath,
  type ProblemKind,
} from "./problem.ts";
import { findReachAdvice, readMachineNames } from "./reach-advice.ts";
import { type Config, configSchema, type Frozen, type ParsedConfig } from "./schema.ts";
import { readServerTls, type ServerTlsFiles } from "./tls-files.ts";
import { keepText } from "./tree-walk.ts";
import { type Position, parseYamlFile, type YamlFile } from "./yaml-file.ts";

export interface LoadOptions {
  /** From the command line. */
  readonly path?: string | undefined;
  readonly env: Environment;
  readonly cwd: string;
  /** Reads the configuration and secret files; tests give their own. */
  readonly readFile?: ReadTextFile;
  /** Permission bits of a file; the disk's when not given. */
  readonly readMode?: (path: string) => Promise<number | undefined>;
  /** Given the admin key itself, of which the configuration keeps the digest only: for programs that send it. */
  readonly onAdminKey?: (key: Secret) => void;
}

export type ValueSource = "default" | "file" | "environment";

export interface LoadedConfig {
  /** `undefined` when any problem is an error. */
  readonly config: Config | undefined;
  /** Where traces go; `undefined` where none are to be made, and when any problem is an error. */
  readonly otlp: OtlpSettings | undefined;
  /** What the parts that know the profiles can check even when `config` is undefined. */
  readonly drafts: ConfigDrafts;
  /** The file that was read, as it was named; `undefined` when there is none. */
  readonly file: string | undefined;
  /** Everything that is wrong, in the order of the file. */
  readonly problems: readonly ConfigProblem[];
  /** Whether the file or a variable sets a key. `path` is dotted, list items as `[0]`. */
  isSet(path: string): boolean;
  sourceOf(path: string): ValueSource;
  /** Where a value stands in the file, or the closest thing around it. */
  locate(path: KeyPath): Position | undefined;
}

/**
 * Reads, checks and completes the configuration: defaults, then one file, then the environment. Never rejects for
 * what a user wrote: all of that is in `problems`, at once.
 */
export async function loadConfig(options: LoadOptions): Promise<LoadedConfig> {
  const readFile = options.readFile ?? readTextFile;
  const { env, cwd } = options;
  const keys = listKeys(configSchema);
  const found = await findConfigFile({ path: options.path, env, cwd, readFile });
  const problems: ConfigProblem[] = [];
  let yaml: YamlFile | undefined;
  if (found.kind === "unreadable") {
    problems.push({ severity: "error", kind: "file", path: "", message: found.message });
  } else if (found.kind === "found") {
    yaml = await parseYamlFile(found.file, found.text);
    problems.push(...yaml.problems);
  }
  const file = found.kind === "none" ? undefined : found.file;
  const isReadable = yaml !== undefined && !problems.some((problem) => problem.severity === "error");
  const fileTree = isReadable && yaml !== undefined ? keepText(configSchema, yaml.tree, yaml.sourceOf) : {};
  const source: TreeSource = { fileTree, overrides: findOverrides(keys, env), yaml, file };

  const reading = readTree(source, keys);
  problems.push(...reading.problems, ...findMistypedVariables(keys, env), ...findInertVariables(env));
  const entries = valueAt(reading.tree, endpointsPath);
  const report: Report = (path, message, severity = "error") => {
    const kind = severity === "error" ? "value" : "advice";
    problems.push(placeProblem(source, { severity, kind, path, message }));
  };
  const sources = { env, cwd, readFile };
  const secrets = await readEndpointSecrets(Array.isArray(entries) ? entries : [], sources, report);
  const keySources = { ...sources, readMode: options.readMode ?? readFileMode };
  const keyHashes = await readClientKeys(reading.tree, keySources, report);
  const serverTls = await readServerTls(valueAt(reading.tree, ["server"]), sources, report);
  const adminKey = await readAdminKey(reading.tree, keySources, report, options.onAdminKey);
  checkAliases(reading.tree, report);
  const otlp =
    reading.parsed &&
    readOtlpSettings(reading.parsed.telemetry.otlp, {
      env,
      isSet: (key) => sourceOf(source, `telemetry.otlp.${key}`) !== "default",
      report,
      add: (problem) => problems.push(problem),
    });
  const isUsable = reading.parsed !== undefined && !problems.some((problem) => problem.severity === "error");
  return {
    config:
      isUsable && reading.parsed !== undefined
        ? buildConfig(readAliases(reading.parsed, source), { secrets, keyHashes, serverTls, adminKey })
        : undefined,
    otlp: isUsable ? otlp : undefined,
    drafts: readDrafts(reading.tree),
    file,
    problems: problems.toSorted(comparePositions),
    isSet: (path) => sourceOf(source, path) !== "default",
    sourceOf: (path) => sourceOf(source, path),
    locate: (path) => yaml?.locate(path),
  };
}

interface TreeSource {
  readonly fileTree: unknown;
  readonly overrides: readonly Override[];
  readonly yaml: YamlFile | undefined;
  readonly file: string | undefined;
}

interface Reading {
  /** What the user set, file and environment together. */
  readonly tree: unknown;
  readonly parsed: ParsedConfig | undefined;
  readonly problems: ConfigProblem[];
}

function readTree(source: TreeSource, keys: readonly ListedKey[]): Reading {
  const tree = applyOverrides(source.fileTree, source.overrides);
  const result = v.safeParse(configSchema, tree);
  const problems = (result.issues ?? []).map((issue) => {
    const path = issuePath(issue);
    return placeProblem(source, { severity: "error", kind: "value", path, message: issue.message });
  });
  problems.push(...checkOverridden(source));
  const notices = [
    ...findUnknownKeys(configSchema, source.fileTree, keys),
    ...findUnusedKeys(configSchema, tree, result.output),
    ...findAdvice(result.output),
    ...findReachAdvice(result.output, readMachineNames()),
  ];
  // What a wrong value would do is no news; what is wrong with it has been said.
  const wrong = problems.map((problem) => problem.path);
  for (const notice of notices) {
    const path = joinPath(notice.path);
    if (wrong.some((place) => isWithin(place, path))) continue;
    problems.push(placeProblem(source, { severity: "warning", ...notice }));
  }
  return { tree, parsed: result.success ? result.output : undefined, problems };
}

function isWithin(place: string, path: string): boolean {
  return place === path || place.startsWith(`${path}.`) || place.startsWith(`${path}[`);
}

/** A wrong value in the file stays an error when a variable overrides it: it would bite without the variable. */
function checkOverridden(source: TreeSource): ConfigProblem[] {
  const hidden = source.overrides.filter(
    (override) => valueAt(source.fileTree, override.key.parts) !== undefined,
  );
  if (hidden.length === 0) return [];
  const names = new Set(hidden.map((override) => joinPath(override.key.parts)));
  const issues = v.safeParse(configSchema, source.fileTree).issues ?? [];
  const fileOnly = { ...source, overrides: [] };
  return issues
    .filter((issue) => names.has(joinPath(issuePath(issue))))
    .map((issue) => {
      const path = issuePath(issue);
      return placeProblem(fileOnly, { severity: "error", kind: "value", path, message: issue.message });
    });
}

function issuePath(issue: v.BaseIssue<unknown>): KeyPath {
  return (issue.path ?? []).map((item) => (typeof item.key === "number" ? item.key : String(item.key)));
}

interface Unplaced extends Notice {
  readonly severity: ConfigProblem["severity"];
  readonly kind: ProblemKind;
}

/** Adds the place that a user has to go to: the variable, else the position in the file. */
function placeProblem(source: TreeSource, problem: Unplaced): ConfigProblem {
  const { severity, kind } = problem;
  const path = joinPath(problem.path);
  const variable = source.overrides.find((override) => {
    const overridden = joinPath(override.key.parts);
    return isWithin(path, overridden);
  })?.variable;
  if (variable !== undefined) return { severity, kind, variable, path, message: problem.message };
  const message = labelEndpoint(source, problem);
  if (source.file === undefined) return { severity, kind, path, message };
  const position =
    kind === "unknown-key" ? source.yaml?.locateKey(problem.path) : source.yaml?.locate(problem.path);
  return { severity, kind, file: source.file, ...position, path, message };
}

function labelEndpoint(source: TreeSource, problem: Unplaced): string {
  const index = endpointIndex(problem.path);
  const entry = index === undefined ? undefined : valueAt(source.fileTree, [...endpointsPath, index]);
  const label = endpointLabel(entry);
  return label === undefined ? problem.message : `endpoint ${JSON.stringify(label)}: ${problem.message}`;
}

function sourceOf(source: TreeSource, path: string): ValueSource {
  if (source.overrides.some((override) => joinPath(override.key.parts) === path)) return "environment";
  const parts = path.split(/[.[\]]+/).filter((part) => part !== "");
  const steps = parts.map((part) => (/^\d+$/.test(part) ? Number(part) : part));
  const value = valueAt(source.fileTree, steps);
  return value === undefined || value === null ? "default" : "file";
}

/** Older names count where the names that replaced them are not set, so that nobody downstream has to know them. */
function readAliases(parsed: ParsedConfig, source: TreeSource): ParsedConfig {
  const { max_retries: retries, retry_backoff: backoff, retry } = parsed.proxy;
  const isSet = (key: string) => sourceOf(source, `proxy.retry.${key}`) !== "default";
  return {
    ...parsed,
    proxy: {
      ...parsed.proxy,
      retry: {
        ...retry,
        // A retry is what comes after the first attempt.
        max_attempts: retries === undefined || isSet("max_attempts") ? retry.max_attempts : retries + 1,
        backoff: backoff === undefined || isSet("backoff") ? retry.backoff : backoff,
      },
    },
  };
}

/** What stands in other files, by the place of its name in this one. */
interface FileContents {
  readonly secrets: readonly EndpointSecrets[];
  readonly keyHashes: readonly (string | undefined)[];
  readonly serverTls: ServerTlsFiles | undefined;
  readonly adminKey: string | undefined;
}

function buildConfig(parsed: ParsedConfig, contents: FileContents): Config {
  const { secrets, keyHashes, serverTls, adminKey } = contents;
  const endpoints = parsed.discovery.static.endpoints?.map((entry, index) => {
    return buildEndpoint(entry, secrets[index] ?? { auth: undefined, headers: {} });
  });
  const { unification, routing_strategy: strategy } = parsed.model_registry;
  const { min_version } = parsed.server.tls;
  return freeze({
    ...parsed,
    server: {
      ...parsed.server,
      tls: serverTls && { ...serverTls, min_version },
      admin: {
        port: parsed.server.admin.port,
        key: adminKey === undefined ? undefined : new Secret(adminKey),
      },
    },
    proxy: {
      ...parsed.proxy,
      // Two names for one limit, kept from the reference; nobody downstream has to know the second one.
      response_timeout: shorterLimit(parsed.proxy.response_timeout, parsed.server.write_timeout),
    },
    discovery: { ...parsed.discovery, static: { endpoints } },
    auth: { keys: buildClientKeys(parsed.auth.keys, keyHashes) },
    model_registry: {
      ...parsed.model_registry,
      // Zero says "the usual" here; nobody downstream has to know that.
      unification: {
        ...unification,
        stale_threshold: unification.stale_threshold || 24 * 3_600_000,
        cleanup_interval: unification.cleanup_interval || 5 * 60_000,
      },
      routing_strategy: {
        ...strategy,
        options: { ...strategy.options, discovery_timeout: strategy.options.discovery_timeout || 2000 },
      },
    },
  });
}

/** Of two limits in milliseconds, of which 0 is none. */
function shorterLimit(one: number, other: number): number {
  return one > 0 && other > 0 ? Math.min(one, other) : Math.max(one, other);
}

function freeze<T>(value: T): Frozen<T> {
  if (Array.isArray(value) || isMapping(value)) {
    // Frozen already: an anchor used twice, perhaps inside itself.
    if (value instanceof Secret || Object.isFrozen(value)) return value as Frozen<T>;
    Object.freeze(value);
    for (const inner of Object.values(value)) freeze(inner);
  }
  return value as Frozen<T>;
}
