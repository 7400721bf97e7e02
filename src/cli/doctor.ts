import type { BuildIdentity } from "../lib/build-identity.ts";
import { systemClock } from "../lib/clock.ts";
import { parseDuration } from "../lib/duration.ts";
import { UsageError } from "./arguments.ts";
import { type EndpointReport, examine } from "./doctor/examine.ts";
import { findPatients } from "./doctor/patients.ts";
import { type ReportStyle, renderEndpoint, renderNote, renderVerdict } from "./doctor/report.ts";
import type { ExaminationOptions } from "./doctor/step.ts";
import { noteSurroundings, readSurroundings, type Surroundings } from "./doctor/surroundings.ts";
import { harmless, printableJson } from "./safe-text.ts";
import { createPainter, hasColour, lineWidth, type Terminal } from "./terminal.ts";

/** The flags of `olla doctor`. */
export interface DoctorFlags {
  readonly url?: string;
  readonly type?: string;
  readonly tokenFile?: string;
  readonly model?: string;
  /** False for `--no-generate`. */
  readonly generate: boolean;
  /** A duration. */
  readonly timeout: string;
  readonly json?: boolean;
}

export interface DoctorOptions {
  readonly configPath: string | undefined;
  readonly terminal: Terminal;
  readonly build: BuildIdentity;
  /** This machine's own where not given. */
  readonly surroundings?: Surroundings;
}

const stepMs = 10_000;

/**
 * Examines endpoints, all at once, and says what is wrong with them and what helps.
 * @param names of configured endpoints; all where empty
 * @returns the exit code: 0 when all is well, else 1
 * @throws UsageError for flags that make no sense
 */
export async function doctor(
  names: readonly string[],
  flags: DoctorFlags,
  { configPath, terminal, build, surroundings = readSurroundings(terminal.env) }: DoctorOptions,
): Promise<number> {
  const tokenMs = parseDuration(flags.timeout);
  if (tokenMs === undefined || tokenMs <= 0) {
    throw new UsageError(`--timeout: expected a duration such as 90s, got "${harmless(flags.timeout)}"`);
  }
  if (flags.url === undefined && (flags.type !== undefined || flags.tokenFile !== undefined)) {
    throw new UsageError("--type and --token-file belong to --url; the configuration has its own");
  }
  const selection = { names, url: flags.url, type: flags.type, tokenFile: flags.tokenFile };
  const { version } = build;
  const found = await findPatients(selection, configPath, terminal, { clock: systemClock, version });
  const examination: ExaminationOptions = {
    profiles: found.profiles,
    surroundings,
    version,
    clock: systemClock,
    stepMs,
    tokenMs,
    model: flags.model,
    isGenerating: flags.generate,
  };
  const running = found.patients.map((patient) => examine(patient, examination));
  const print = flags.json === true ? printJson : printText;
  return await print(running, { obstacles: found.obstacles, surroundings, terminal, version });
}

interface Printing {
  readonly obstacles: readonly string[];
  readonly surroundings: Surroundings;
  readonly terminal: Terminal;
  readonly version: string;
}

async function printJson(
  running: readonly Promise<EndpointReport>[],
  { obstacles, surroundings, terminal, version }: Printing,
): Promise<number> {
  const endpoints = await Promise.all(running);
  const isWell = obstacles.length === 0 && endpoints.every((report) => report.isWell);
  const notes = noteSurroundings(surroundings);
  terminal.out(`${printableJson({ isWell, version, obstacles, notes, endpoints }, 2)}\n`);
  return isWell ? 0 : 1;
}

/** Endpoints in the order of the configuration, each as soon as those before it are done. */
async function printText(
  running: readonly Promise<EndpointReport>[],
  { obstacles, surroundings, terminal }: Printing,
): Promise<number> {
  const style: ReportStyle = { painter: createPainter(hasColour(terminal)), width: lineWidth(terminal) };
  for (const obstacle of obstacles) terminal.err(`olla: ${obstacle}\n`);
  const reports: EndpointReport[] = [];
  for (const examination of running) {
    const report = await examination;
    reports.push(report);
    terminal.out(`${renderEndpoint(report, style).join("\n")}\n\n`);
  }
  for (const note of noteSurroundings(surroundings))
    terminal.out(`${renderNote(note, style).join("\n")}\n\n`);
  if (reports.length > 0) terminal.out(`${renderVerdict(reports, style)}\n`);
  return obstacles.length === 0 && reports.every(({ isWell }) => isWell) ? 0 : 1;
}
