// Measures Olla beside a minimal proxy, in turn, in front of the same upstream.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ollaCommand, spawnOlla, startUpstream, stopChild, untilTrue } from "./peers.ts";
import { startCpuClock } from "./process-usage.ts";
import type { Costs, Round } from "./speed-guard.ts";
import { chunkCount, type JobResult, type SmallJob, type StreamJob } from "./workload.ts";

type Job = SmallJob | StreamJob;

const requestsPerRound = 8_000;
const connections = 16;
const streamsPerRound = 64;
/** Until the runtime has compiled what there is to compile. */
const warmUpRequests = 25_000;
const warmUpStreams = 2 * streamsPerRound;

interface Contender {
  readonly pid: number;
  readonly port: number;
  readonly path: string;
}

/** What stands in the way of measuring here; undefined when nothing does. */
export function speedObstacle(): string | undefined {
  try {
    const readSeconds = startCpuClock(process.pid);
    const startedAt = performance.now();
    while (performance.now() - startedAt < 5);
    return readSeconds() > 0 ? undefined : "the kernel does not count processor times of threads";
  } catch {
    return "processor times come from /proc/<pid>/task/*/schedstat, which is not there";
  }
}

async function runJob(job: Job): Promise<number> {
  const loadClient = [process.execPath, join(import.meta.dir, "load-client.ts"), JSON.stringify(job)];
  const client = Bun.spawn(loadClient, { stdout: "pipe", stderr: "inherit" });
  const printed = await new Response(client.stdout).text();
  if ((await client.exited) !== 0) throw new Error(`the ${job.kind} job failed`);
  const { answers, errors } = JSON.parse(printed) as JobResult;
  const expected = job.kind === "small" ? job.requests : job.connections * job.streamsPerConnection;
  if (errors > 0 || answers !== expected)
    throw new Error(`${job.kind} job: ${answers} answers of ${expected}, ${errors} failed`);
  return answers;
}

function jobsFor({ port, path }: Contender, requests: number, streams: number): { small: Job; stream: Job } {
  const streamsPerConnection = streams / streamsPerRound;
  return {
    small: { kind: "small", port, path, connections, requests },
    stream: { kind: "stream", port, path, connections: streamsPerRound, streamsPerConnection },
  };
}

async function warmUp(contender: Contender): Promise<void> {
  const { small, stream } = jobsFor(contender, warmUpRequests, warmUpStreams);
  await runJob(small);
  await runJob(stream);
}

async function measureOnce(contender: Contender): Promise<Costs> {
  const perAnswer = async (job: Job): Promise<number> => {
    const readSeconds = startCpuClock(contender.pid);
    const answers = await runJob(job);
    return (readSeconds() * 1e6) / answers;
  };
  const { small, stream } = jobsFor(contender, requestsPerRound, streamsPerRound);
  return { small: await perAnswer(small), chunk: (await perAnswer(stream)) / chunkCount };
}

/** Olla and the minimal proxy, warm, in front of one upstream. */
export interface SpeedBench extends AsyncDisposable {
  /** The two take turns, so that a slow moment of the machine meets both. */
  measure(rounds: number): Promise<readonly Round[]>;
}

export async function startSpeedBench(): Promise<SpeedBench> {
  await using starting = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), "olla-speed-"));
  starting.defer(() => rm(folder, { recursive: true, force: true }));
  const upstream = await startUpstream();
  starting.defer(() => upstream.stop());
  const proxy = await startMinimalProxy(upstream.port);
  starting.defer(() => stopChild(proxy.child));
  const spawned = await spawnOlla(folder, "olla", [`http://127.0.0.1:${upstream.port}`], {
    config: { proxy: { engine: "olla" } },
  });
  starting.defer(() => stopChild(spawned.child));
  await untilTrue(async () => {
    const { exitCode } = spawned.child;
    if (exitCode !== null) throw new Error(`${ollaCommand().join(" ")} exited with ${exitCode}`);
    const answer = await fetch(`http://127.0.0.1:${spawned.port}/olla/proxy/v1/models`).catch(
      () => undefined,
    );
    return answer?.ok === true && (await answer.text()).includes('"bench"');
  }, "olla has found the model");

  const olla = { pid: spawned.child.pid, port: spawned.port, path: "/olla/proxy/v1/chat/completions" };
  const minimal = { pid: proxy.child.pid, port: proxy.port, path: upstream.path };
  await warmUp(olla);
  await warmUp(minimal);
  const running = starting.move();
  return {
    async measure(rounds) {
      const measured: Round[] = [];
      while (measured.length < rounds)
        measured.push({ olla: await measureOnce(olla), minimal: await measureOnce(minimal) });
      return measured;
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

async function startMinimalProxy(
  upstreamPort: number,
): Promise<{ readonly child: Bun.Subprocess; readonly port: number }> {
  const file = join(import.meta.dir, "minimal-proxy.ts");
  const child = Bun.spawn([process.execPath, file, String(upstreamPort)], { stdout: "pipe" });
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  reader.releaseLock();
  return { child, port: Number(new TextDecoder().decode(value).trim()) };
}
