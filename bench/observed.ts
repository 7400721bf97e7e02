// `bun bench/observed.ts [--before FILE] [--sample-ratio 0.1]`: what it costs to be seen. The same small requests through Olla as it comes, and
// through Olla with everything on that watches requests: request log, traces of every request, a dashboard, a scraper.
// With --before also through another build, such as the one from before a change. Prints ratios, pair by pair; see README.md.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { ollaCommand, spawnOlla, startUpstream, stopChild, untilTrue } from "./peers.ts";
import { startCpuClock } from "./process-usage.ts";
import type { Job, JobResult } from "./workload.ts";

/** Many short rounds: a pair of them meets the same moment of a noisy machine. */
const rounds = 20;
const requestsPerRound = 2_500;
/** Until the runtime has compiled what there is to compile: after 30,000 its compiler still takes 2 to 5 % of the time. */
const warmUpRequests = 100_000;
/** Two processes of one program differ by up to 10 %, for as long as they live, so each contender is started anew. */
const lives = 5;
const scrapeEveryMs = 5_000;

interface Contender {
  readonly name: string;
  readonly pid: number;
  readonly port: number;
  readonly cpuPerRequest: number[];
}

/** A collector that takes everything and keeps nothing. */
function startCollector() {
  let batches = 0;
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch(request) {
      await request.arrayBuffer();
      batches += 1;
      return new Response(new Uint8Array(0), { headers: { "Content-Type": "application/x-protobuf" } });
    },
  });
  return { url: `http://127.0.0.1:${server.port}`, batches: () => batches, stop: () => server.stop(true) };
}

/** An open page, and a Prometheus. @returns what ends both */
function watch(port: number): () => void {
  const controller = new AbortController();
  const { signal } = controller;
  const page = async () => {
    const feed = await fetch(`http://127.0.0.1:${port}/internal/events`, { signal });
    for await (const _piece of feed.body ?? []);
  };
  void page().catch(() => {});
  const scrape = async () => {
    const answer = await fetch(`http://127.0.0.1:${port}/internal/metrics`, { signal });
    await answer.arrayBuffer();
  };
  const timer = setInterval(() => void scrape().catch(() => {}), scrapeEveryMs);
  return () => {
    clearInterval(timer);
    controller.abort();
  };
}

async function runRound({ port, pid, cpuPerRequest }: Contender, isCounted: boolean): Promise<void> {
  const path = "/olla/proxy/v1/chat/completions";
  const requests = isCounted ? requestsPerRound : warmUpRequests;
  const job: Job = { kind: "small", port, path, connections: 16, requests };
  const cpuSeconds = startCpuClock(pid);
  const loadClient = [process.execPath, join(import.meta.dir, "load-client.ts"), JSON.stringify(job)];
  const client = Bun.spawn(loadClient, { stdout: "pipe", stderr: "inherit" });
  const printed = await new Response(client.stdout).text();
  if ((await client.exited) !== 0) throw new Error("the load client failed");
  const { answers, errors } = JSON.parse(printed) as JobResult;
  if (errors > 0) throw new Error(`${errors} requests failed`);
  if (isCounted) cpuPerRequest.push((cpuSeconds() * 1e6) / answers);
}

/** Whoever wanders between processors costs more, and never the same: Olla gets one, all others share another. */
function pin(): readonly string[] {
  if (Bun.which("taskset") === null) return [];
  Bun.spawnSync(["taskset", "--all-tasks", "--cpu-list", "--pid", "0", String(process.pid)]);
  return ["taskset", "--cpu-list", "1"];
}

function median(values: readonly number[]): number {
  return [...values].sort((left, right) => left - right)[Math.floor(values.length / 2)] ?? 0;
}

interface Plan {
  readonly name: string;
  readonly command: readonly string[];
  readonly config: object;
}

/** Starts every contender, lets them take turns, and ends them. @returns CPU per request, by name */
async function live(plans: readonly Plan[], upstreamUrl: string): Promise<Map<string, number[]>> {
  const folder = await mkdtemp(join(tmpdir(), "olla-observed-"));
  await using stack = new AsyncDisposableStack();
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const contenders: Contender[] = [];
  for (const { name, command, config } of plans) {
    const { child, port } = await spawnOlla(folder, name, [upstreamUrl], {
      command,
      config,
    });
    stack.defer(() => stopChild(child));
    await untilTrue(async () => {
      const answer = await fetch(`http://127.0.0.1:${port}/olla/proxy/v1/models`).catch(() => undefined);
      return answer?.ok === true && (await answer.text()).includes('"bench"');
    }, `${name} has found the model`);
    if (name === "watched" || name === "everything") stack.defer(watch(port));
    contenders.push({ name, port, pid: child.pid, cpuPerRequest: [] });
  }
  for (let round = -1; round < rounds; round += 1) {
    // Whoever runs after a certain other one is not always the same.
    const first = Math.max(0, round) % contenders.length;
    const inTurn = [...contenders.slice(first), ...contenders.slice(0, first)];
    for (const contender of inTurn) await runRound(contender, round >= 0);
  }
  return new Map(contenders.map(({ name, cpuPerRequest }) => [name, cpuPerRequest]));
}

async function main(): Promise<void> {
  if (process.platform !== "linux") throw new Error("processor times come from /proc: it runs on Linux only");
  const { values } = parseArgs({
    options: {
      before: { type: "string" },
      only: { type: "string", multiple: true },
      "sample-ratio": { type: "string", default: "1" },
    },
  });
  const sampleRatio = Number(values["sample-ratio"]);
  const pinned = pin();
  await using stack = new AsyncDisposableStack();
  const upstream = await startUpstream();
  stack.defer(() => upstream.stop());
  const collector = startCollector();
  stack.defer(() => collector.stop());

  const log = { request_log: { enabled: true, path: "requests.db" } };
  const traces = {
    telemetry: { otlp: { enabled: true, endpoint: collector.url, sample_ratio: sampleRatio } },
  };
  const kinds = { plain: {}, log, traces, watched: {}, everything: { ...log, ...traces } };
  const own = Object.entries(kinds)
    .filter(([name]) => values.only === undefined || values.only.includes(name))
    .map(([name, config]) => ({ name, command: [...pinned, ...ollaCommand()], config }));
  const before =
    values.before === undefined ? [] : [{ name: "before", command: [...pinned, values.before], config: {} }];
  const plans: Plan[] = [...before, ...own];
  const [first] = plans;
  if (first === undefined) throw new Error(`--only takes ${Object.keys(kinds).join(", ")}`);

  const costs = new Map<string, number[]>(plans.map(({ name }) => [name, []]));
  const ratios = new Map<string, number[]>(plans.map(({ name }) => [name, []]));
  for (let count = 0; count < lives; count += 1) {
    const lived = await live(plans, `http://127.0.0.1:${upstream.port}`);
    const basis = lived.get(first.name) ?? [];
    for (const [name, cpuPerRequest] of lived) {
      costs.get(name)?.push(median(cpuPerRequest));
      ratios.get(name)?.push(median(cpuPerRequest.map((cost, round) => cost / (basis[round] ?? Number.NaN))));
    }
    process.stderr.write(`${count + 1}/${lives} `);
  }
  process.stderr.write("\n");
  for (const { name } of plans) {
    const each = ratios.get(name) ?? [];
    const range = `${Math.min(...each).toFixed(2)} to ${Math.max(...each).toFixed(2)}`;
    console.log(
      `${name.padEnd(10)} ${median(costs.get(name) ?? []).toFixed(1)} µs of CPU per small request, ${median(each).toFixed(3)} times ${first.name} (${range})`,
    );
  }
  console.log(`batches of traces: ${collector.batches()}`);
}

await main();
