import type { LoadedConfig } from "../config/load.ts";
import { type ConfigProblem, formatProblem } from "../config/problem.ts";
import type { BuildIdentity } from "../lib/build-identity.ts";
import { listEffective, renderEffective, type UsableConfig } from "./effective-config.ts";
import { prepare } from "./preparation.ts";
import { printableJson } from "./safe-text.ts";
import type { Terminal } from "./terminal.ts";

export interface ValidateOptions {
  readonly configPath: string | undefined;
  readonly terminal: Terminal;
  readonly build: BuildIdentity;
  /** Show every key with the value that is in force, and where it came from. */
  readonly printEffective?: boolean | undefined;
  readonly json?: boolean | undefined;
}

interface ReportItem {
  readonly name: string;
  readonly summary: string;
  readonly problems: readonly ConfigProblem[];
}

type Verdict = "OK" | "WARN" | "FAIL";

/** Checks everything that can be checked without opening a port. @returns the exit code: 0 when all is well, else 1 */
export async function validate(options: ValidateOptions): Promise<number> {
  const { configPath, terminal, build, printEffective } = options;
  const { env, cwd } = terminal;
  const prepared = await prepare({ configPath, env, cwd });
  const { loaded, profiles, naming, endpoints, endpointProblems } = prepared;
  const items: ReportItem[] = [
    {
      name: "config.yaml",
      summary: loaded.file === undefined ? "no file, built-in defaults" : `loaded from ${loaded.file}`,
      problems: loaded.problems,
    },
    {
      name: "models.yaml",
      summary: naming.file === undefined ? "no file, built-in table" : `loaded from ${naming.file}`,
      problems: naming.problems,
    },
    {
      name: "profiles",
      summary: `${profiles.profiles.all.length} loaded`,
      problems: profiles.problems,
    },
  ];
  if (loaded.config !== undefined || endpointProblems.length > 0) {
    const isSearching = loaded.config !== undefined && endpoints === undefined;
    const count = endpoints?.endpoints.length ?? loaded.drafts.endpoints.length;
    const summary = isSearching ? "none configured, this host would be searched" : `${count} configured`;
    items.push({ name: "endpoints", summary, problems: endpointProblems });
  }
  const isValid = items.every((item) => judge(item) === "OK");
  const usable = printEffective === true && isUsable(loaded) ? loaded : undefined;
  if (options.json === true) {
    const checks = items.map((item) => ({ ...item, verdict: judge(item) }));
    const effective = usable && listEffective(usable);
    terminal.out(`${printableJson({ valid: isValid, file: loaded.file ?? null, checks, effective }, 2)}\n`);
    return isValid ? 0 : 1;
  }
  terminal.err(`Olla ${build.version}\n`);
  // The configuration alone goes to standard output, where it can be read by what reads YAML.
  const report = printEffective === true ? terminal.err : terminal.out;
  report(`${formatReport(items)}\n`);
  if (usable !== undefined) terminal.out(renderEffective(usable));
  return isValid ? 0 : 1;
}

function isUsable(loaded: LoadedConfig): loaded is UsableConfig {
  return loaded.config !== undefined;
}

function formatReport(items: readonly ReportItem[]): string {
  const title = "Configuration check";
  const lines = [title, "=".repeat(title.length)];
  for (const item of items) lines.push(...formatItem(item));
  const hasPassed = items.every((item) => judge(item) === "OK");
  lines.push("", hasPassed ? "Result: PASS" : "Result: FAIL");
  return lines.join("\n");
}

function formatItem(item: ReportItem): string[] {
  const verdict = judge(item);
  const count = item.problems.filter((problem) => verdict === "OK" || !isNote(problem)).length;
  const word = verdict === "OK" ? "note(s)" : "issue(s)";
  const suffix = count === 0 ? "" : ` (${count} ${word})`;
  const summary = verdict === "FAIL" ? "cannot be used" : item.summary;
  const details = item.problems.map((problem) => {
    return `  - ${isNote(problem) ? "note: " : ""}${formatProblem(problem)}`;
  });
  const tag = `[${verdict}]`.padEnd(7);
  return [`${tag}${item.name.padEnd(12)} ${summary}${suffix}`, ...details];
}

function judge({ problems }: ReportItem): Verdict {
  if (problems.some((problem) => problem.severity === "error")) return "FAIL";
  return problems.every(isNote) ? "OK" : "WARN";
}

/** Worth saying, no reason to fail: keys that do nothing, settings that are seldom meant. */
function isNote({ severity, kind }: ConfigProblem): boolean {
  return severity === "warning" && (kind === "inert" || kind === "advice");
}
