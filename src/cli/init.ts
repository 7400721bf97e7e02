import { basename, dirname, extname, join, relative, resolve } from "node:path";
import { findConfigFile, readTextFile } from "../config/find-file.ts";
import { formatProblem } from "../config/problem.ts";
import type { BuildIdentity } from "../lib/build-identity.ts";
import { systemClock } from "../lib/clock.ts";
import { detectKind } from "../models/detect-kind.ts";
import { discoveryHeaders, ModelFetchError } from "../models/fetch-model-list.ts";
import { type LocalPort, localPorts, type PortReport, searchLocalEndpoints } from "../models/local-search.ts";
import { loadProfiles } from "../profiles/load.ts";
import type { ProfileSet } from "../profiles/profile-set.ts";
import { UsageError } from "./arguments.ts";
import { readSurroundings } from "./doctor/surroundings.ts";
import { formatAmount } from "./figures.ts";
import { type Asker, AskingEnded } from "./init/asker.ts";
import { type Choices, chooseByAsking, chooseUnasked, type LookAt } from "./init/choices.ts";
import { renderConfig } from "./init/render-config.ts";
import { findExisting, hasFolder, WriteError, writeFiles } from "./init/write-files.ts";
import { prepare } from "./preparation.ts";
import { harmless } from "./safe-text.ts";
import { schemaText } from "./schema.ts";
import type { Terminal } from "./terminal.ts";

/** The flags of `olla init`. */
export interface InitFlags {
  readonly output: string;
  readonly yes?: boolean;
  readonly force?: boolean;
}

export interface InitOptions {
  readonly terminal: Terminal;
  readonly build: BuildIdentity;
  /** Opens the dialogue; undefined where nobody can answer. */
  readonly openAsker: (() => Asker) | undefined;
  /** Where to look; the usual ports of this machine where not given. */
  readonly ports?: readonly LocalPort[];
}

const lookMs = 2_000;
/** As shells have it for a program that Ctrl-C has ended. */
const interrupted = 130;

/**
 * Writes a configuration for what is found on this machine, and what the user adds, with a schema for editors beside it.
 * @returns the exit code: 0 written, 1 not written, 130 given up with Ctrl-C
 * @throws UsageError where there is nobody to ask
 */
export async function init(flags: InitFlags, options: InitOptions): Promise<number> {
  const { terminal, openAsker } = options;
  if (flags.output === "") throw new UsageError("--output: expected a file, got nothing");
  if (flags.yes !== true && openAsker === undefined) {
    throw new UsageError(
      "init: there is no terminal to ask on; --yes takes whatever is found on this machine",
    );
  }
  const path = resolve(terminal.cwd, flags.output);
  const schemaPath = join(dirname(path), `${basename(path, extname(path))}.schema.json`);
  const obstacle = await findObstacle([path, schemaPath], flags.force === true, terminal);
  if (obstacle !== undefined) {
    terminal.err(`olla: ${obstacle}\n`);
    return 1;
  }
  const { profiles } = loadProfiles();
  const found = await search(profiles, options);
  const asker = flags.yes === true ? undefined : openAsker?.();
  try {
    const choices = await choose(found, asker, profiles, options);
    await write({ path, schemaPath, choices, mayReplace: flags.force === true }, terminal);
    terminal.out(await describeNext({ path, schemaPath, choices }, terminal));
    return 0;
  } catch (error) {
    if (error instanceof AskingEnded) {
      terminal.err("\nolla: nothing was written\n");
      return error.isInterrupt ? interrupted : 1;
    }
    if (!(error instanceof WriteError)) throw error;
    terminal.err(`olla: ${error.message}\n`);
    return 1;
  } finally {
    asker?.close();
  }
}

/** Why nothing can be written, before anybody is asked anything. */
async function findObstacle(
  paths: readonly string[],
  mayReplace: boolean,
  { cwd }: Terminal,
): Promise<string | undefined> {
  const [path = ""] = paths;
  if (!(await hasFolder(path))) return `${shownPath(path, cwd)} cannot be written: its folder does not exist`;
  const existing = mayReplace ? [] : await findExisting(paths);
  if (existing.length === 0) return undefined;
  const files = existing.map((file) => shownPath(file, cwd)).join(" and ");
  const verb = existing.length === 1 ? "is" : "are";
  return `${files} ${verb} there already: --force overwrites, --output FILE writes another`;
}

function shownPath(path: string, cwd: string): string {
  const short = relative(cwd, path);
  return harmless(short.startsWith("..") ? path : short);
}

async function search(
  profiles: ProfileSet,
  { terminal, build, ports }: InitOptions,
): Promise<readonly PortReport[]> {
  terminal.out("Looking at the usual ports of this machine …\n");
  const reports = await searchLocalEndpoints({
    ports: ports ?? localPorts(profiles.all),
    timeoutMs: lookMs,
    clock: systemClock,
    version: build.version,
  });
  const found = reports.filter((report) => report.found !== undefined);
  for (const { url, text } of reports) {
    if (!text.startsWith("nothing")) terminal.out(`  ${url}  ${text}\n`);
  }
  if (found.length === 0)
    terminal.out(`  no inference server answers at any of them${noteContainer(terminal)}\n`);
  return found;
}

function noteContainer({ env }: Terminal): string {
  return readSurroundings(env).isInContainer
    ? "; this is a container, and servers of its host have other addresses (http://host.docker.internal:11434)"
    : "";
}

function choose(
  found: readonly PortReport[],
  asker: Asker | undefined,
  profiles: ProfileSet,
  { terminal, build }: InitOptions,
): Promise<Choices> {
  if (asker === undefined) return Promise.resolve(chooseUnasked(found));
  const tell = (line: string) => terminal.out(`${line}\n`);
  return chooseByAsking(found, asker, tell, createLook(profiles, build.version));
}

function createLook(profiles: ProfileSet, version: string): LookAt {
  return async (url) => {
    try {
      const detected = await detectKind(url, {
        profiles: profiles.all,
        headers: discoveryHeaders(version, []),
        timeoutMs: lookMs,
        clock: systemClock,
      });
      if (detected === undefined)
        return { text: "something answers, but with no model list; taken all the same", type: undefined };
      const { profile, models } = detected;
      return { text: `${profile.displayName}, ${formatAmount(models.length, "model")}`, type: profile.name };
    } catch (error) {
      if (!(error instanceof ModelFetchError)) throw error;
      const reason =
        error.status === 401 || error.status === 403
          ? `it wants a key (HTTP ${error.status}): give it one with auth`
          : error.message;
      return { text: `${reason}; taken all the same`, type: undefined };
    }
  };
}

interface Writing {
  readonly path: string;
  readonly schemaPath: string;
  readonly choices: Choices;
  readonly mayReplace: boolean;
}

/** Nothing is kept that `olla serve` would not take. */
async function write(
  { path, schemaPath, choices, mayReplace }: Writing,
  { env, cwd }: Terminal,
): Promise<void> {
  const files = [
    { path, text: renderConfig(choices, basename(schemaPath)) },
    { path: schemaPath, text: schemaText("config") },
  ];
  await writeFiles(files, mayReplace, async (draft) => {
    const { loaded, problems } = await prepare({ configPath: draft, env, cwd });
    const wrong = problems.filter(({ severity }) => severity === "error");
    if (loaded.config !== undefined && wrong.length === 0) return;
    throw new WriteError(
      `what was to be written does not load, so nothing was:\n${wrong.map(formatProblem).join("\n")}`,
    );
  });
}

async function describeNext(
  { path, schemaPath, choices }: Omit<Writing, "mayReplace">,
  { env, cwd }: Terminal,
): Promise<string> {
  const { endpoints, isOpen, port } = choices;
  const file = shownPath(path, cwd);
  const usual = await findConfigFile({ path: undefined, env, cwd, readFile: readTextFile });
  const isRead = usual.kind === "found" && resolve(cwd, usual.file) === path;
  const flag = isRead ? "" : ` -c ${file}`;
  const count = endpoints.length === 0 ? "no endpoint yet" : formatAmount(endpoints.length, "endpoint");
  return [
    "",
    `Wrote ${file}, with ${count}, and ${shownPath(schemaPath, cwd)}, by which editors check it.`,
    `  olla${flag}  starts Olla; OpenAI clients take http://localhost:${port}/olla/openai/v1`,
    `  olla doctor${flag}  tries the endpoints out`,
    ...(isOpen ? ["  Everybody in the network may use it until clients need a key: olla key new"] : []),
    "",
  ].join("\n");
}
