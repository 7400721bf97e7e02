import { remember, stopChild } from "../children.ts";
import { Measurements } from "../measurements.ts";
import { findProgram } from "../other-proxies.ts";
import { freePort, isOpen, spawnOlla, startOlla, untilTrue } from "../peers.ts";
import { contextSwitches, residentMebibytes } from "../process-usage.ts";
import type { Bench, Scenario } from "../scenario.ts";

/** Until then the runtime compiles what the start has shown to be used often. */
const settleMs = 60_000;
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
  remember(child);
  let bytes = 0;
  for await (const piece of child.stdout) bytes += piece.length;
  if ((await child.exited) !== 0) throw new Error(`${command.join(" ")} failed`);
  return bytes;
}

/** How a file is written compressed to standard output: slow and small. */
function compressor(): readonly string[] | undefined {
  const [zstd, xz] = [findProgram("zstd"), findProgram("xz")];
  if (zstd !== undefined) return [zstd, "-19", "-T0", "-q", "-c"];
  return xz === undefined ? undefined : [xz, "-6", "-T0", "-c"];
}

/** Nothing is measured where Olla runs from source, and only half of it where there is nothing to compress with. */
export const size: Scenario = {
  name: "size",
  title: "The executable file",
  figures: {
    plain: { label: "as it is", unit: "MiB", digits: 1 },
    compressed: { label: "compressed: zstd -19, or xz -6 where there is no zstd", unit: "MiB", digits: 1 },
  },
  async run(bench) {
    const measurements = new Measurements();
    const [file, ...more] = bench.ollaCommand;
    if (file === undefined || more.length > 0) return measurements.read();
    measurements.add("olla", { plain: Bun.file(file).size / 2 ** 20 });
    const command = compressor();
    if (command !== undefined) {
      const compressed = await countBytes([...command, file]);
      measurements.add("olla", { compressed: compressed / 2 ** 20 });
    }
    return measurements.read();
  },
};
