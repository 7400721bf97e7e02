// `bun bench/soak.ts [--minutes 20] [--streams 200] [--seed 1] [--command FILE] [--json FILE] [--keep]`: Olla under a load that
// breaks off and endpoints that fall down, for a while. Stops by itself. See CONTRIBUTING.md.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { seededRandom } from "../test/support/seeded-random.ts";
import { ollaCommand, spawnOlla, stopChild, untilTrue } from "./peers.ts";
import { soakModel } from "./soak/ask.ts";
import { SoakEndpoint } from "./soak/endpoint.ts";
import {
  type Finished,
  growthLimit,
  growthOf,
  hasMoreTimers,
  leftovers,
  type Rest,
  violationOf,
} from "./soak/judge.ts";
import { load } from "./soak/load.ts";
import { describeMachine, emptyTally, printReport, type SoakReport } from "./soak/report.ts";
import { idleWakeUps, type Sample, takeSample } from "./soak/watch-process.ts";

const warmUpShare = 1 / 4;
const quietSeconds = 10;
const quietStretches = 3;
const restWithinMs = 30_000;
/** Enough for all when one endpoint is down, by waiting; too few for all at once. */
const placesAtEndpoint = 150;

interface Options {
  readonly minutes: number;
  readonly streams: number;
  readonly seed: number;
  readonly command: readonly string[];
}

/** What there is while it runs. */
interface Scene {
  readonly pid: number;
  readonly port: number;
  readonly url: string;
  readonly hasEnded: () => boolean;
  readonly endpoints: readonly [steady: SoakEndpoint, flapping: SoakEndpoint];
}

function ollaConfig(endpoints: readonly SoakEndpoint[]): object {
  return {
    proxy: {
      engine: "olla",
      load_balancer: "least-connections",
      circuit_breaker: { open_duration: "3s" },
    },
    discovery: {
      type: "static",
      static: {
        endpoints: endpoints.map(({ name, url }) => ({
          name,
          url,
          type: "vllm",
          check_interval: "2s",
          max_concurrent: placesAtEndpoint,
        })),
      },
    },
    // With it, endpoints that know the Messages API would get them as they are.
    translators: { anthropic: { passthrough_enabled: false } },
    request_log: { enabled: true, path: "requests.db", max_size: "64MiB" },
  };
}

async function setUp(options: Options, folder: string, stack: AsyncDisposableStack): Promise<Scene> {
  const endpoints = [
    stack.use(await SoakEndpoint.start("steady")),
    stack.use(await SoakEndpoint.start("flapping")),
  ] as const;
  const { child, port } = await spawnOlla(folder, "olla", [], {
    command: options.command,
    config: ollaConfig(endpoints),
  });
  stack.defer(() => stopChild(child));
  const hasEnded = (): boolean => child.exitCode !== null || child.signalCode !== null;
  const url = `http://127.0.0.1:${port}`;
  await untilTrue(async () => {
    if (hasEnded())
      throw new Error(`${options.command.join(" ")} ended with ${child.exitCode}, see ${folder}`);
    const answer = await fetch(`${url}/olla/proxy/v1/models`).catch(() => undefined);
    return answer?.ok === true && (await answer.text()).includes(`"${soakModel}"`);
  }, "olla has found the model");
  return { pid: child.pid, port, url, hasEnded, endpoints };
}

/** Waits, but not for something that is over. */
async function pauseUnless(isOver: () => boolean, ms: number): Promise<void> {
  const until = performance.now() + ms;
  while (!isOver() && performance.now() < until)
    await Bun.sleep(Math.min(200, until - performance.now() + 1));
}

async function flap(endpoint: SoakEndpoint, seed: number, isOver: () => boolean): Promise<void> {
  const random = seededRandom(seed);
  while (!isOver()) {
    await pauseUnless(isOver, 15_000 + random() * 10_000);
    if (isOver()) return;
    await endpoint.fallDown();
    await pauseUnless(isOver, 3_000 + random() * 5_000);
    await endpoint.comeBack();
  }
}

interface Watched {
  readonly samples: Sample[];
  /** Why there are none for some moments. */
  readonly silences: string[];
}

async function sampleUntil(scene: Scene, isOver: () => boolean, everyMs: number): Promise<Watched> {
  const samples: Sample[] = [];
  const silences: string[] = [];
  const startedAt = performance.now();
  while (!isOver()) {
    await pauseUnless(isOver, everyMs);
    if (isOver()) break;
    const seconds = (performance.now() - startedAt) / 1000;
    try {
      samples.push(await takeSample(scene.pid, scene.url, seconds));
    } catch (error) {
      if (!scene.hasEnded()) silences.push(`no look at Olla after ${seconds.toFixed(0)} s: ${String(error)}`);
    }
  }
  return { samples, silences };
}

async function restOf(scene: Scene, sample: Sample): Promise<Rest> {
  const figures = await Promise.all(scene.endpoints.map((endpoint) => endpoint.figures()));
  const { sockets, files, requests, attempts, queued } = sample;
  return {
    sockets,
    files,
    requests,
    attempts,
    queued,
    atEndpoints: figures.reduce((sum, { busy }) => sum + busy, 0),
  };
}

/** What an idle Olla has at most: probes come and go. */
async function takeBaseline(scene: Scene): Promise<{ sample: Sample; rest: Rest }> {
  const samples: Sample[] = [];
  for (let count = 0; count < 10; count += 1) {
    await Bun.sleep(300);
    samples.push(await takeSample(scene.pid, scene.url, 0));
  }
  const most = (read: (sample: Sample) => number): number => Math.max(...samples.map(read));
  const sample = samples.at(-1) ?? (await takeSample(scene.pid, scene.url, 0));
  const rest = await restOf(scene, sample);
  return {
    sample,
    rest: { ...rest, sockets: most((each) => each.sockets), files: most((each) => each.files) },
  };
}

interface Settled {
  readonly sample: Sample;
  readonly seconds: number | undefined;
  readonly leftovers: readonly string[];
}

async function settle(scene: Scene, before: Rest): Promise<Settled> {
  const startedAt = performance.now();
  for (;;) {
    const seconds = (performance.now() - startedAt) / 1000;
    const sample = await takeSample(scene.pid, scene.url, seconds);
    const left = leftovers(before, await restOf(scene, sample));
    if (left.length === 0) return { sample, seconds, leftovers: [] };
    if (seconds * 1000 > restWithinMs) return { sample, seconds: undefined, leftovers: left };
    await Bun.sleep(250);
  }
}

/** The runtime tidies its heap for a while after a load, so it gets a few stretches of time to become quiet. */
async function wakeUpsAtRest(pid: number, before: number): Promise<number> {
  let wakeUps = Number.POSITIVE_INFINITY;
  for (let stretch = 0; stretch < quietStretches && hasMoreTimers(before, wakeUps); stretch += 1)
    wakeUps = await idleWakeUps(pid, quietSeconds);
  return wakeUps;
}

async function soak(scene: Scene, options: Options): Promise<SoakReport> {
  const { pid, endpoints, hasEnded } = scene;
  const [, flapping] = endpoints;
  const baseline = await takeBaseline(scene);
  const wakeUpsBefore = await idleWakeUps(pid, quietSeconds);
  const endsAt = performance.now() + options.minutes * 60_000;
  let isStopped = false;
  const isOver = (): boolean => isStopped || hasEnded() || performance.now() >= endsAt;
  const stop = (): void => {
    isStopped = true;
  };
  const tally = emptyTally();
  const doubtful: Finished[] = [];
  const count = (finished: Finished): void => {
    tally[finished.kind][finished.ending] += 1;
    if (finished.ending !== "complete" && finished.ending !== "left") doubtful.push(finished);
  };
  const signals = ["SIGINT", "SIGTERM"] as const;
  for (const signal of signals) process.on(signal, stop);
  const [{ samples, silences }] = await Promise.all([
    sampleUntil(scene, isOver, Math.min(5_000, options.minutes * 1_000)),
    flap(flapping, options.seed, isOver),
    load(scene.port, options, isOver, count),
  ]).finally(stop);
  for (const signal of signals) process.off(signal, stop);
  if (hasEnded()) throw new Error("Olla has ended in the middle of it");
  const isCutShort = performance.now() < endsAt;
  const settled = await settle(scene, baseline.rest);
  const wakeUpsAfter = await wakeUpsAtRest(pid, wakeUpsBefore);

  const warm = samples.filter(({ seconds }) => seconds >= options.minutes * 60 * warmUpShare);
  const growth = {
    resident: growthOf(warm.map(({ seconds, residentMebibytes: value }) => ({ seconds, value }))),
    anonymous: growthOf(warm.map(({ seconds, anonymousMebibytes: value }) => ({ seconds, value }))),
  };
  const cutBy = new Map(endpoints.map(({ name, cut }) => [name, cut]));
  const isGrowing = growth.resident.isJudged && !(growth.resident.perTenMinutes < growthLimit);
  const violations = [
    ...doubtful.map((finished) => violationOf(finished, cutBy)).filter((text) => text !== undefined),
    ...(isCutShort ? ["it was stopped before its time"] : []),
    ...silences,
    ...settled.leftovers,
    ...(hasMoreTimers(wakeUpsBefore, wakeUpsAfter) ? ["more wake-ups when idle than before the load"] : []),
    ...(isGrowing ? [`resident memory grows by ${growthLimit} MiB or more in 10 minutes`] : []),
  ];
  return {
    date: new Date().toISOString(),
    command: options.command.join(" "),
    machine: describeMachine(),
    seed: options.seed,
    minutes: options.minutes,
    streams: options.streams,
    before: baseline.sample,
    after: settled.sample,
    restedAfterSeconds: settled.seconds,
    wakeUpsBefore,
    wakeUpsAfter,
    growth,
    tally,
    endpoints: await Promise.all(
      endpoints.map(async (each) => ({ name: each.name, falls: each.falls, ...(await each.figures()) })),
    ),
    violations,
    samples,
  };
}

async function main(): Promise<void> {
  if (process.platform !== "linux")
    throw new Error("memory and sockets come from /proc: it runs on Linux only");
  const { values } = parseArgs({
    options: {
      minutes: { type: "string", default: "20" },
      streams: { type: "string", default: "200" },
      seed: { type: "string", default: "1" },
      command: { type: "string" },
      json: { type: "string" },
      keep: { type: "boolean", default: false },
    },
  });
  const options: Options = {
    minutes: Math.min(240, Number(values.minutes)),
    streams: Math.min(1_000, Number(values.streams)),
    seed: Number(values.seed),
    command: values.command === undefined ? ollaCommand() : [resolve(values.command)],
  };
  if (!(options.minutes > 0 && options.streams > 0)) throw new Error("--minutes and --streams take a number");
  console.log(
    `${options.command.join(" ")}: ${options.streams} streams for ${options.minutes} minutes, seed ${options.seed}`,
  );
  const folder = await mkdtemp(join(tmpdir(), "olla-soak-"));
  await using stack = new AsyncDisposableStack();
  stack.defer(() =>
    values.keep ? console.log(`logs: ${folder}`) : rm(folder, { recursive: true, force: true }),
  );
  const report = await soak(await setUp(options, folder, stack), options);
  printReport(report);
  if (values.json !== undefined) await Bun.write(values.json, `${JSON.stringify(report, null, 2)}\n`);
  process.exitCode = report.violations.length === 0 ? 0 : 1;
}

await main();
