import { join, resolve } from "node:path";
import { builtinNaming } from "./builtin-naming.ts";
import type { Environment } from "./environment.ts";
import { describeFileError, type ReadTextFile, readTextFile } from "./find-file.ts";
import { type NamingFault, readNamingSections } from "./naming-sections.ts";
import type { NamingTable } from "./naming-table.ts";
import { type ConfigProblem, comparePositions, isMapping, joinPath } from "./problem.ts";
import { parseYamlFile, type YamlFile } from "./yaml-file.ts";

/** Looked for in this order, from the working directory; then `models.yaml` in `OLLA_CONFIG_DIR`. */
export const modelsFiles = [
  "models.yaml",
  "config/models.yaml",
  "config-base/models.yaml",
  "../config/models.yaml",
  "../../config/models.yaml",
];

export interface LoadModelsFileOptions {
  readonly env: Environment;
  readonly cwd: string;
  /** Tests give their own. */
  readonly readFile?: ReadTextFile;
}

export interface LoadedNaming {
  /** Sections that the file leaves out, or gets wrong, are the built-in ones. */
  readonly naming: NamingTable;
  /** `undefined` when there is none that can be used. */
  readonly file: string | undefined;
  /** Warnings only: names are read with the built-in table instead. */
  readonly problems: readonly ConfigProblem[];
}

/** The first `models.yaml` that can be read and says something, over the built-in table. Never rejects. */
export async function loadModelsFile(options: LoadModelsFileOptions): Promise<LoadedNaming> {
  const { env, cwd, readFile = readTextFile } = options;
  const folder = env.OLLA_CONFIG_DIR;
  const candidates = folder ? [...modelsFiles, join(folder, "models.yaml")] : modelsFiles;
  const problems: ConfigProblem[] = [];
  for (const file of candidates) {
    const yaml = await readCandidate(file, resolve(cwd, file), readFile, problems);
    if (yaml === undefined) continue;
    const faults: NamingFault[] = [];
    const own = readNamingSections(yaml.tree, faults);
    problems.push(...faults.map((fault) => place(file, yaml, fault)).sort(comparePositions));
    return { naming: { ...builtinNaming(), ...own }, file, problems };
  }
  return { ...withoutModelsFile(), problems };
}

export function withoutModelsFile(): LoadedNaming {
  return { naming: builtinNaming(), file: undefined, problems: [] };
}

async function readCandidate(
  file: string,
  path: string,
  readFile: ReadTextFile,
  problems: ConfigProblem[],
): Promise<YamlFile | undefined> {
  const warn = (message: string, kind: ConfigProblem["kind"] = "file") => {
    problems.push({ severity: "warning", kind, file, path: "", message: `${message}; it is passed over` });
  };
  let source: string;
  try {
    source = await readFile(path);
  } catch (error) {
    const reason = describeFileError(error);
    if (reason !== undefined) warn(`cannot be read, ${reason}`);
    return undefined;
  }
  const yaml = await parseYamlFile(file, source);
  const errors = yaml.problems.filter((problem) => problem.severity === "error");
  for (const error of errors) {
    problems.push({ ...error, severity: "warning", message: `${error.message}; the file is passed over` });
  }
  if (errors.length > 0) return undefined;
  if (!isMapping(yaml.tree) || Object.keys(yaml.tree).length === 0) {
    warn("is empty");
    return undefined;
  }
  problems.push(...yaml.problems);
  return yaml;
}

function place(file: string, yaml: YamlFile, { kind, path, message }: NamingFault): ConfigProblem {
  const position = kind === "unknown-key" ? yaml.locateKey(path) : yaml.locate(path);
  return { severity: "warning", kind, file, ...position, path: joinPath(path), message };
}
