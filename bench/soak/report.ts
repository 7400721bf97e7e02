import { cpus } from "node:os";
import type { EndpointFigures } from "./endpoint.ts";
import { type Ending, endings, type Growth, growthLimit, type WorkKind, workKinds } from "./judge.ts";
import type { Sample } from "./watch-process.ts";

export type Tally = Record<WorkKind, Record<Ending, number>>;

export function emptyTally(): Tally {
  const zeros = (): Record<Ending, number> =>
    Object.fromEntries(endings.map((ending) => [ending, 0])) as Record<Ending, number>;
  return { stream: zeros(), translated: zeros(), small: zeros() };
}

/** All that a soak has found. */
export interface SoakReport {
  readonly date: string;
  readonly command: string;
  readonly machine: string;
  readonly seed: number;
  readonly minutes: number;
  readonly streams: number;
  readonly before: Sample;
  readonly after: Sample;
  /** From the last client's end until all was back; undefined when it never was. */
  readonly restedAfterSeconds: number | undefined;
  readonly wakeUpsBefore: number;
  readonly wakeUpsAfter: number;
  /** Of all resident memory, and of that which is no file's, after the warm-up. */
  readonly growth: { readonly resident: Growth; readonly anonymous: Growth };
  readonly tally: Tally;
  readonly endpoints: readonly (EndpointFigures & { readonly name: string; readonly falls: number })[];
  readonly violations: readonly string[];
  readonly samples: readonly Sample[];
}

export function describeMachine(): string {
  const processors = cpus();
  return `${processors.length} × ${processors[0]?.model.trim() ?? "unknown"}, ${process.platform} ${process.arch}, Bun ${Bun.version}`;
}

function printTable(rows: readonly (readonly string[])[]): void {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  for (const row of rows) {
    const cells = row.map((cell, column) =>
      column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
    );
    console.log(cells.join("  "));
  }
}

function sampleRow(name: string, sample: Sample): string[] {
  const { residentMebibytes, anonymousMebibytes, files, sockets, threads, requests, attempts, queued } =
    sample;
  return [
    name,
    residentMebibytes.toFixed(1),
    anonymousMebibytes.toFixed(1),
    ...[files, sockets, threads, requests, attempts, queued].map(String),
    `${sample.loopDelayMs.p50} / ${sample.loopDelayMs.p99}`,
  ];
}

/** So many of the samples, evenly spread. */
function spread(samples: readonly Sample[], count: number): readonly Sample[] {
  const step = Math.max(1, Math.ceil(samples.length / count));
  return samples.filter((_, index) => index % step === 0);
}

function describeGrowth(what: string, { perTenMinutes, seconds, isJudged }: Growth): string {
  if (Number.isNaN(perTenMinutes)) return `${what}: too few samples for a slope`;
  const limit = isJudged ? `must be under ${growthLimit}` : "too short to be judged";
  return `${what}: ${perTenMinutes.toFixed(2)} MiB in 10 minutes, over ${(seconds / 60).toFixed(1)} minutes (${limit})`;
}

export function printReport(report: SoakReport): void {
  const { before, after, samples, tally, growth, endpoints, violations } = report;
  const columns =
    "RSS MiB,anonymous,files,sockets,threads,requests,at endpoints,queued,loop ms p50/p99".split(",");
  const named = spread(samples, 12).map((sample) => sampleRow(`${sample.seconds.toFixed(0)} s`, sample));
  printTable([["", ...columns], sampleRow("before", before), ...named, sampleRow("after", after)]);
  console.log();
  printTable([
    ["", ...endings],
    ...workKinds.map((kind) => [kind, ...endings.map((each) => String(tally[kind][each]))]),
  ]);
  console.log();
  for (const { name, requests, falls, left } of endpoints)
    console.log(
      `${name}: ${requests} requests, of which ${left} were broken off by Olla; fell ${falls} times`,
    );
  console.log(describeGrowth("resident memory", growth.resident));
  console.log(describeGrowth("anonymous memory", growth.anonymous));
  const rested = report.restedAfterSeconds;
  console.log(
    rested === undefined
      ? "sockets, files, requests and queues did not come back to what they were"
      : `sockets, files, requests and queues were back ${rested.toFixed(1)} s after the load`,
  );
  console.log(
    `wake-ups a second when idle: ${report.wakeUpsBefore.toFixed(1)} before, ${report.wakeUpsAfter.toFixed(1)} after`,
  );
  for (const violation of violations.slice(0, 20)) console.log(`violation: ${violation}`);
  console.log(violations.length === 0 ? "passed" : `FAILED: ${violations.length} violations`);
}
