import { Measurements } from "../measurements.ts";
import { findProgram } from "../other-proxies.ts";
import { freePort, isOpen, spawnOlla, startOlla, stopChild, untilTrue } from "../peers.ts";
import { contextSwitches, residentMebibytes } from "../process-usage.ts";
import type { Bench, Scenario } from "../scenario.ts";

const settleMs = 5_000;
const idleSeconds = 20;

function switchesSince(before: ReadonlyMap<string, number>, after: ReadonlyMap<string, number>): number {
  return [...after].reduce((sum, [thread, count]) => sum + count - (before.get(thread) ?? 0), 0);
}

export const idle: Scenario = {
  name: "idle",
  title: `${idleSeconds} seconds without a request, 3 endpoints`,
  figures: {
    rss: { label: "resident memory", unit: "MiB", digits: 1 },
    anonymous: { label: "of which no page of a file", unit: "MiB", digits: 1 },
    wakeUps: { label: "wake-ups, all threads", unit: "/s", digits: 1 },
  },
  async run(bench) {
    const measurements = new Measurements();
    const urls = ["a", "b", "c"].map((name) => `http://127.0.0.1:${bench.upstream.port}/idle/${name}`);
    const olla = await startOlla(bench.folder, "idle", urls, { command: bench.ollaCommand });
    try {
      await Bun.sleep(settleMs);
      const before = contextSwitches(olla.pid);
      await Bun.sleep(idleSeconds * 1_000);
      const wakeUps = switchesSince(before, contextSwitches(olla.pid)) / idleSeconds;
      const { total, anonymous } = residentMebibytes(olla.pid);
      measurements.add("olla", { rss: total, anonymous, wakeUps });
    } finally {
      await olla.stop();
    }
    return measurements.read();
  },
};

const startsPerRound = 3;

/** Milliseconds from spawning Olla to its open port. */
async function timeStart(bench: Bench, name: string, urls: readonly string[]): Promise<number> {
  const startedAt = performance.now();
  const { child, port } = await spawnOlla(bench.folder, name, urls, {
    command: bench.ollaCommand,
    config: { proxy: { engine: "olla" } },
  });
  try {
    await untilTrue(() => isOpen(port), "olla listens");
    return performance.now() - startedAt;
  } finally {
    await stopChild(child);
  }
}

export const start: Scenario = {
  name: "start",
  title: "From spawning the program to its open port, 2 endpoints",
  figures: {
    down: { label: "endpoints down", unit: "ms", digits: 0 },
    up: { label: "endpoints up", unit: "ms", digits: 0 },
  },
  async run(bench) {
    const measurements = new Measurements();
    const up = ["a", "b"].map((name) => `http://127.0.0.1:${bench.upstream.port}/start/${name}`);
    for (let count = 0; count < bench.rounds * startsPerRound; count += 1) {
      const down = [freePort(), freePort()].map((port) => `http://127.0.0.1:${port}`);
      measurements.add("olla", {
        down: await timeStart(bench, `down-${count}`, down),
        up: await timeStart(bench, `up-${count}`, up),
      });
    }
    bench.note(`${bench.rounds * startsPerRound} starts each`);
    return measurements.read();
  },
};

async function countBytes(command: readonly string[]): Promise<number> {
  const child = Bun.spawn([...command], { stdout: "pipe", stderr: "inherit" });
  let bytes = 0;
  for await (const piece of child.stdout) bytes += piece.length;
  if ((await child.exited) !== 0) throw new Error(`${command.join(" ")} failed`);
  return bytes;
}

/** Nothing is measured where Olla runs from source, or where there is nothing to compress with. */
export const size: Scenario = {
  name: "size",
  title: "The executable file",
  figures: {
    plain: { label: "as it is", unit: "MiB", digits: 1 },
    zstd: { label: "compressed, zstd -19", unit: "MiB", digits: 1 },
    xz: { label: "compressed, xz -6", unit: "MiB", digits: 1 },
    compressed: { label: "the smaller of them", unit: "MiB", digits: 1 },
  },
  async run(bench) {
    const measurements = new Measurements();
    const [file, ...more] = bench.ollaCommand;
    if (file === undefined || more.length > 0) return measurements.read();
    const [zstd, xz] = [findProgram("zstd"), findProgram("xz")];
    const sizes = {
      ...(zstd === undefined ? {} : { zstd: await countBytes([zstd, "-19", "-T0", "-q", "-c", file]) }),
      ...(xz === undefined ? {} : { xz: await countBytes([xz, "-6", "-T0", "-c", file]) }),
    };
    const mebibytes = Object.entries(sizes).map(([name, bytes]) => [name, bytes / 2 ** 20] as const);
    measurements.add("olla", { plain: Bun.file(file).size / 2 ** 20, ...Object.fromEntries(mebibytes) });
    if (mebibytes.length > 0)
      measurements.add("olla", { compressed: Math.min(...mebibytes.map(([, value]) => value)) });
    return measurements.read();
  },
};
