import { Measurements } from "../measurements.ts";
import { type Peer, startOlla } from "../peers.ts";
import { peakMebibytes, resetPeak, residentOfAll } from "../process-usage.ts";
import { type Bench, inRounds, runJob, type Scenario, startJob } from "../scenario.ts";

const mebibytes = 20;
const secondsPerRound = 3;

/** Large requests one after another, and small ones meanwhile, each from a client of its own. */
async function runBoth({ host, port, path }: Peer) {
  const target = { ...(host === undefined ? {} : { host }), port, path };
  const meanwhile = startJob({ kind: "small", ...target, connections: 4, everyMs: 4 });
  try {
    const large = await runJob({ kind: "body", ...target, mebibytes, seconds: secondsPerRound });
    return { large, finish: meanwhile.finish, small: meanwhile.result };
  } catch (error) {
    meanwhile.finish();
    await meanwhile.result.catch(() => undefined);
    throw error;
  }
}

/** A new Olla, because one that has been busy has memory to spare; asked small things first, as any would be. */
async function startWarm(bench: Bench): Promise<Peer> {
  const url = `http://127.0.0.1:${bench.upstream.port}`;
  const olla = await startOlla(bench.folder, "big-body", [url], { command: bench.ollaCommand });
  await runJob({ kind: "small", port: olla.port, path: olla.path, connections: 16, requests: 10_000 });
  return olla;
}

export const bigBody: Scenario = {
  name: "big-body",
  title: `Requests with an image of ${mebibytes} MiB and the model behind it, and small requests meanwhile`,
  figures: {
    wall: { label: "time of a large request, p50", unit: "ms", digits: 1 },
    growth: { label: "most memory besides that before, in bodies", unit: "×", digits: 2 },
    small50: { label: "small requests meanwhile, p50", unit: "ms", digits: 2 },
    small99: { label: "small requests meanwhile, p99", unit: "ms", digits: 2 },
    smallCount: { label: "small requests meanwhile", unit: "", digits: 0 },
  },
  async run(bench) {
    const others = await bench.peers();
    const measurements = new Measurements(others);
    const olla = await startWarm(bench);
    try {
      const peers = others.map((peer) => (peer.name === "olla" ? olla : peer));
      const before = new Map(peers.map(({ name, pid }) => [name, residentOfAll(pid)]));
      await inRounds(bench, peers, async (peer, isCounted) => {
        resetPeak(peer.pid);
        const { large, finish, small } = await runBoth(peer);
        const peak = peakMebibytes(peer.pid);
        finish();
        const { latency, answers, errors } = await small;
        if (errors > 0) throw new Error(`${errors} small requests through ${peer.name} failed`);
        if (!isCounted) return;
        measurements.add(peer.name, {
          wall: large.latency.p50 / 1_000,
          growth: (peak - (before.get(peer.name) ?? 0)) / mebibytes,
          small50: latency.p50 / 1_000,
          small99: latency.p99 / 1_000,
          smallCount: answers,
        });
      });
    } finally {
      await olla.stop();
    }
    return measurements.read();
  },
};
