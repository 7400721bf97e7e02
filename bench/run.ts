// `bun bench/run.ts`: the fake upstream alone, nginx and Olla in front of it, in one go. Prints ratios; see README.md.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  freePort,
  isOpen,
  ollaCommand,
  type Peer,
  spawnOlla,
  startNginx,
  startOlla,
  startUpstream,
  stopChild,
  translatedOlla,
  untilTrue,
} from "./peers.ts";
import { cpuSeconds, residentMebibytes } from "./process-usage.ts";
import { chunkCount, type Job, type JobResult } from "./workload.ts";

const rounds = 5;
const smallRequests = 40_000;
const smallConnections = 16;
const streamConnections = 100;
const streamsPerConnection = 2;
const starts = 9;

interface Sample extends JobResult {
  /** Microseconds of processor time of the peer for each answer. */
  readonly cpuPerAnswer: number;
}

type Samples = Record<Job["kind"], Sample[]>;

async function runJob(job: Job): Promise<JobResult> {
  const client = Bun.spawn([process.execPath, join(import.meta.dir, "load-client.ts"), JSON.stringify(job)], {
    stdout: "pipe",
    stderr: "inherit",
  });
  const printed = await new Response(client.stdout).text();
  if ((await client.exited) !== 0) throw new Error(`the ${job.kind} job failed`);
  const result = JSON.parse(printed) as JobResult;
  if (result.errors > 0) throw new Error(`${result.errors} requests of the ${job.kind} job failed`);
  return result;
}

async function measure(peer: Peer, job: Job): Promise<Sample> {
  const before = cpuSeconds(peer.pid);
  const result = await runJob(job);
  const cpuPerAnswer = ((cpuSeconds(peer.pid) - before) * 1e6) / result.answers;
  return { ...result, cpuPerAnswer };
}

function jobsFor({ port, path, isForStreams = false }: Peer): Job[] {
  const small: Job = { kind: "small", port, path, connections: smallConnections, requests: smallRequests };
  const stream: Job = { kind: "stream", port, path, connections: streamConnections, streamsPerConnection };
  return isForStreams ? [stream] : [small, stream];
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((left, right) => left - right);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

/** Interleaved, so that a slow minute of the machine hits everybody; the first round warms up and is dropped. */
async function measureAll(peers: readonly Peer[]): Promise<Map<string, Samples>> {
  const all = new Map<string, Samples>(peers.map(({ name }) => [name, { small: [], stream: [] }]));
  for (let round = 0; round <= rounds; round += 1) {
    for (const peer of peers) {
      for (const job of jobsFor(peer)) {
        const sample = await measure(peer, job);
        if (round > 0) all.get(peer.name)?.[job.kind].push(sample);
      }
    }
    process.stderr.write(round === 0 ? "warmed up" : ` · round ${round}/${rounds}`);
  }
  process.stderr.write("\n");
  return all;
}

/** Milliseconds from spawning Olla to its open port, while its endpoints are down. */
async function measureStart(folder: string): Promise<number> {
  const times: number[] = [];
  for (let count = 0; count < starts; count += 1) {
    const down = [freePort(), freePort()].map((port) => `http://127.0.0.1:${port}`);
    const startedAt = performance.now();
    const { child, port } = await spawnOlla(folder, `start-${count}`, down);
    try {
      await untilTrue(() => isOpen(port), "olla listens");
      times.push(performance.now() - startedAt);
    } finally {
      await stopChild(child);
    }
  }
  return median(times);
}

type Row = readonly [name: string, unit: string, read: (samples: Samples) => number];

const over = (kind: Job["kind"], read: (sample: Sample) => number) => (samples: Samples) =>
  median(samples[kind].map(read));

const table: readonly Row[] = [
  ["requests per second", "/s", over("small", ({ answers, seconds }) => answers / seconds)],
  ["CPU per small request", "µs", over("small", ({ cpuPerAnswer }) => cpuPerAnswer)],
  ["latency p50", "µs", over("small", ({ latency }) => latency.p50)],
  ["latency p99", "µs", over("small", ({ latency }) => latency.p99)],
  ["CPU per streamed chunk", "µs", over("stream", ({ cpuPerAnswer }) => cpuPerAnswer / chunkCount)],
  ["time to first token p50", "µs", over("stream", ({ firstToken }) => firstToken.p50)],
  ["chunk lag p50", "µs", over("stream", ({ lag }) => lag.p50)],
  ["chunk lag p99", "µs", over("stream", ({ lag }) => lag.p99)],
  ["load client's CPU, small", "%", over("small", ({ clientCpuShare }) => clientCpuShare * 100)],
  ["load client's CPU, streams", "%", over("stream", ({ clientCpuShare }) => clientCpuShare * 100)],
];

function printTable(all: ReadonlyMap<string, Samples>): void {
  const names = [...all.keys()];
  const ratios = [
    ["olla", "nginx"],
    ["olla", "direct"],
    ["translated", "olla"],
  ] as const;
  const header = ["", ...names, ...ratios.map((pair) => pair.join(" : "))];
  const rows = table.map(([name, unit, read]) => {
    const values = new Map([...all].map(([peer, samples]) => [peer, read(samples)]));
    const ratio = ([one, other]: readonly [string, string]): string => {
      const [ours, theirs] = [values.get(one), values.get(other)];
      return !ours || !theirs ? "-" : (ours / theirs).toFixed(2);
    };
    const shown = (peer: string): string => (values.get(peer) ? (values.get(peer) ?? 0).toFixed(1) : "-");
    return [`${name} (${unit})`, ...names.map(shown), ...ratios.map(ratio)];
  });
  const widths = header.map((_, column) =>
    Math.max(...[header, ...rows].map((row) => row[column]?.length ?? 0)),
  );
  for (const row of [header, ...rows]) {
    console.log(
      row
        .map((cell, column) =>
          column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0),
        )
        .join("  "),
    );
  }
}

async function main(): Promise<void> {
  if (process.platform !== "linux")
    throw new Error("the bench reads processor times from /proc: it runs on Linux only");
  const folder = await mkdtemp(join(tmpdir(), "olla-bench-"));
  const peers: Peer[] = [];
  try {
    const upstream = await startUpstream();
    peers.push(upstream);
    const nginx = await startNginx(folder, upstream);
    if (nginx === undefined) console.log("nginx is not installed: no comparison with it");
    else peers.push(nginx);
    const olla = await startOlla(folder, upstream);
    peers.push(olla, translatedOlla(olla));
    console.log(`olla: ${ollaCommand().join(" ")}`);
    const idle = residentMebibytes(olla.pid);
    const all = await measureAll(peers);
    const loaded = residentMebibytes(olla.pid);
    printTable(all);
    const mebibytes = ({ total, anonymous }: typeof idle): string =>
      `${total.toFixed(0)} MiB, of which anonymous ${anonymous.toFixed(0)}`;
    console.log(`resident memory idle: ${mebibytes(idle)}; after the load: ${mebibytes(loaded)}`);
    console.log(`from spawn to open port, endpoints down: ${(await measureStart(folder)).toFixed(0)} ms`);
  } finally {
    for (const peer of peers.reverse()) await peer.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

await main();
