import { resolve } from "node:path";
import { type ReadTextFile, readTextFile } from "../config/find-file.ts";
import { type LoadedConfig, loadConfig } from "../config/load.ts";
import { type LoadedNaming, loadModelsFile, withoutModelsFile } from "../config/models-file.ts";
import { type ConfigProblem, comparePositions } from "../config/problem.ts";
import type { Config } from "../config/schema.ts";
import {
  type BuiltEndpoints,
  buildEndpoints,
  checkDrafts,
  endpointSettings,
} from "../endpoints/build-endpoints.ts";
import { type LoadedProfiles, loadProfiles } from "../profiles/load.ts";
import type { ProfileSet } from "../profiles/profile-set.ts";

export interface PreparationOptions {
  readonly configPath: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Gives the configuration in place of the disk, where then no `models.yaml` is looked for either. */
  readonly readFile?: (path: string) => Promise<string>;
}

/** Everything that can be known before a port is opened. */
export interface Preparation {
  readonly loaded: LoadedConfig;
  readonly profiles: LoadedProfiles;
  readonly naming: LoadedNaming;
  /** `undefined` when the configuration has errors, or names no endpoints. */
  readonly endpoints: BuiltEndpoints | undefined;
  /** Of the endpoints, with their places in the file. */
  readonly endpointProblems: readonly ConfigProblem[];
  /** All there are: of the configuration, the endpoints, the naming table and the profiles. */
  readonly problems: readonly ConfigProblem[];
  /** Files and folders that were read, or looked for in vain: a change there may make another preparation. */
  readonly readPaths: readonly string[];
}

/** Reads configuration, naming table, profiles and endpoints. Collects what is wrong instead of throwing. */
export async function prepare(options: PreparationOptions): Promise<Preparation> {
  const { configPath, env, cwd } = options;
  const readPaths = new Set<string>();
  const readFile: ReadTextFile = (path) => {
    readPaths.add(path);
    return (options.readFile ?? readTextFile)(path);
  };
  const loaded = await loadConfig({ path: configPath, env, cwd, readFile });
  const naming =
    options.readFile === undefined ? await loadModelsFile({ env, cwd, readFile }) : withoutModelsFile();
  const { config, drafts } = loaded;
  const profiles = loadProfiles({ filter: config?.proxy.profile_filter ?? drafts.profileFilter });
  const endpoints = config && buildConfiguredEndpoints(loaded, config, profiles.profiles);
  const found = endpoints?.problems ?? checkDrafts(drafts.endpoints, profiles.profiles);
  const endpointProblems = found.map((problem) => placeProblem(loaded, problem));
  const ofTheFile = [...loaded.problems, ...endpointProblems].toSorted(comparePositions);
  const problems = [...ofTheFile, ...naming.problems, ...profiles.problems];
  for (const path of profiles.readPaths) readPaths.add(resolve(cwd, path));
  // These have a watch of their own, which knows that two files have to fit together.
  for (const path of Object.values(config?.server.tls?.files ?? {}))
    if (path !== undefined) readPaths.delete(path);
  return { loaded, profiles, naming, endpoints, endpointProblems, problems, readPaths: [...readPaths] };
}

function buildConfiguredEndpoints(
  loaded: LoadedConfig,
  config: Config,
  profiles: ProfileSet,
): BuiltEndpoints | undefined {
  const { endpoints } = config.discovery.static;
  if (endpoints === undefined) return undefined;
  return buildEndpoints(endpoints, endpointSettings(config, profiles, loaded.isSet));
}

function placeProblem(loaded: LoadedConfig, problem: ConfigProblem): ConfigProblem {
  if (loaded.file === undefined || problem.file !== undefined) return problem;
  const parts = problem.path.split(/[.[\]]+/).filter((part) => part !== "");
  const position = loaded.locate(parts.map((part) => (/^\d+$/.test(part) ? Number(part) : part)));
  return { ...problem, file: loaded.file, ...position };
}
