import { join } from "node:path";
import { remember } from "./children.ts";
import type { FigureKind, Measured } from "./measurements.ts";
import type { Peer } from "./peers.ts";
import { startCpuClock } from "./process-usage.ts";
import type { Job, JobResult } from "./workload.ts";

/** What a scenario works with. */
export interface Bench {
  readonly folder: string;
  /** Those that count; a round that warms up comes before them. */
  readonly rounds: number;
  readonly upstream: Peer;
  readonly ollaCommand: readonly string[];
  /** Whether peers take part where Olla alone would do. */
  readonly isForEveryPeer: boolean;
  /** Everybody, started at the first call: the upstream itself, then Olla, then the others. */
  peers(): Promise<readonly Peer[]>;
  note(progress: string): void;
}

/** One way to look at Olla. */
export interface Scenario {
  readonly name: string;
  readonly title: string;
  /** Whose figures are put beside the others'. Unset: Olla's. */
  readonly subject?: string;
  /** By the names that the measurements have, in the order of the table. */
  readonly figures: Readonly<Record<string, FigureKind>>;
  run(bench: Bench): Promise<Measured>;
}

/** A job that is under way in a process of its own. */
export interface RunningJob {
  /** Lets a job without an end come to one. */
  finish(): void;
  readonly result: Promise<JobResult>;
}

export function startJob(job: Job): RunningJob {
  const script = join(import.meta.dir, "load-client.ts");
  const client = Bun.spawn([process.execPath, script, JSON.stringify(job)], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "inherit",
  });
  remember(client);
  const read = async (): Promise<JobResult> => {
    const printed = await new Response(client.stdout).text();
    if ((await client.exited) !== 0) throw new Error(`the ${job.kind} job at port ${job.port} failed`);
    return JSON.parse(printed) as JobResult;
  };
  return { finish: () => void client.stdin.end(), result: read() };
}

/** The result of a job that must not fail anywhere. */
export async function runJob(job: Job): Promise<JobResult> {
  const result = await startJob(job).result;
  if (result.errors > 0)
    throw new Error(`${result.errors} requests of the ${job.kind} job at port ${job.port} failed`);
  return result;
}

export interface Sample extends JobResult {
  /** Microseconds of processor time of the peer for each answer. */
  readonly cpuPerAnswer: number;
  /** Of one core; with `clientCpuShare` it tells whether the bench itself was the limit. */
  readonly upstreamCpuShare: number;
}

/** Runs a job through a peer, and reads its costs. */
export async function measure(peer: Peer, job: Job, upstream: Peer): Promise<Sample> {
  const [peerSeconds, upstreamSeconds] = [startCpuClock(peer.pid), startCpuClock(upstream.pid)];
  const result = await runJob(job);
  return {
    ...result,
    cpuPerAnswer: (peerSeconds() * 1e6) / result.answers,
    upstreamCpuShare: upstreamSeconds() / result.seconds,
  };
}

/**
 * Every peer in every round, so that a slow minute of the machine hits all of them; the first round warms up and does
 * not count. Who comes after whom changes.
 */
export async function inRounds(
  bench: Bench,
  peers: readonly Peer[],
  turn: (peer: Peer, isCounted: boolean) => Promise<void>,
): Promise<void> {
  for (let round = 0; round <= bench.rounds; round += 1) {
    const first = round % peers.length;
    for (const peer of [...peers.slice(first), ...peers.slice(0, first)]) await turn(peer, round > 0);
    bench.note(round === 0 ? "warm" : `${round}/${bench.rounds}`);
  }
}
