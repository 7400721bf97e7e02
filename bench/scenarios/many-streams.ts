import { Measurements } from "../measurements.ts";
import { startOlla } from "../peers.ts";
import { peakMebibytes, resetPeak, residentMebibytes, startCpuClock } from "../process-usage.ts";
import { type Scenario, startJob } from "../scenario.ts";
import type { Job } from "../workload.ts";

const streamCount = 5_000;
/** Shorter than a stream, so that all of them are open when the last one has begun. */
const spreadMs = 4_000;
const pace = { chunks: 30, everyMs: 250 };

export const manyStreams: Scenario = {
  name: "many-streams",
  title: `${streamCount} concurrent streams, ${pace.chunks} chunks each, one every ${pace.everyMs} ms`,
  figures: {
    lost: { label: "streams lost or cut short", unit: "", digits: 0 },
    open: { label: "most streams open at once", unit: "", digits: 0 },
    idle: { label: "resident memory before", unit: "MiB", digits: 0 },
    rss: { label: "resident memory, peak", unit: "MiB", digits: 0 },
    cpu: { label: "CPU of the proxy per chunk", unit: "µs", digits: 1 },
    first99: { label: "time to first token p99", unit: "ms", digits: 1 },
    lag50: { label: "chunk lag p50", unit: "ms", digits: 1 },
    lag99: { label: "chunk lag p99", unit: "ms", digits: 1 },
  },
  async run(bench) {
    const measurements = new Measurements();
    const others = bench.isForEveryPeer ? (await bench.peers()).filter(({ name }) => name !== "olla") : [];
    const url = `http://127.0.0.1:${bench.upstream.port}`;
    // One for all rounds: what it does not give back counts.
    const olla = await startOlla(bench.folder, "many-streams", [url], { command: bench.ollaCommand });
    try {
      for (let round = 1; round <= bench.rounds; round += 1) {
        for (const { name, host, port, path, pid } of [olla, ...others]) {
          const target = { ...(host === undefined ? {} : { host }), port, path };
          const job: Job = {
            kind: "stream",
            ...target,
            connections: streamCount,
            streamsPerConnection: 1,
            pace,
            spreadMs,
          };
          const idle = residentMebibytes(pid).total;
          resetPeak(pid);
          const seconds = startCpuClock(pid);
          const { answers, openAtOnce, firstToken, lag } = await startJob(job).result;
          measurements.add(name, {
            lost: streamCount - answers,
            open: openAtOnce,
            idle,
            rss: peakMebibytes(pid),
            cpu: (seconds() * 1e6) / (answers * pace.chunks),
            first99: firstToken.p99 / 1_000,
            lag50: lag.p50 / 1_000,
            lag99: lag.p99 / 1_000,
          });
        }
        bench.note(`${round}/${bench.rounds}`);
      }
    } finally {
      await olla.stop();
    }
    return measurements.read();
  },
};
