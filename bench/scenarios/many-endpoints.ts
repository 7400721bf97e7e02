import { Measurements } from "../measurements.ts";
import { type Peer, startOlla } from "../peers.ts";
import { residentMebibytes, startCpuClock } from "../process-usage.ts";
import { type Bench, inRounds, measure, type Scenario } from "../scenario.ts";

/** What the fake upstream lists below `/many/`. */
const modelsPerEndpoint = 2_000;
const counts = [2, 500] as const;
const lookMs = 2_000;
const mostLooks = 45;
/** Of one core. */
const quietShare = 0.2;

async function isEveryModelFound(port: number, endpoints: number): Promise<boolean> {
  const answer = await fetch(`http://127.0.0.1:${port}/internal/status/endpoints`);
  const status = (await answer.json()) as { endpoints: readonly { model_count: number }[] };
  const full = status.endpoints.filter(({ model_count }) => model_count === modelsPerEndpoint);
  return full.length === endpoints;
}

/** What discovery leaves to do behind it is no cost of requests; but what never ends is. */
async function untilQuiet({ pid }: Peer): Promise<void> {
  for (let looks = 0; looks < mostLooks; looks += 1) {
    const seconds = startCpuClock(pid);
    await Bun.sleep(lookMs);
    if (seconds() < (quietShare * lookMs) / 1_000) return;
  }
}

/** One process is all endpoints: each has a path of its own, all have the same models. */
async function startWith(bench: Bench, count: number): Promise<Peer> {
  const urls = Array.from({ length: count }, (_, index) => {
    return `http://127.0.0.1:${bench.upstream.port}/many/${index}`;
  });
  const olla = await startOlla(bench.folder, `endpoints-${count}`, urls, {
    command: bench.ollaCommand,
    endpoint: { preserve_path: true },
    isReady: (port) => isEveryModelFound(port, count),
    // A look is a list of all endpoints, which must not keep it from finding them.
    patience: { seconds: 600, everyMs: 5_000 },
  });
  return { ...olla, name: `${count} endpoints` };
}

export const manyEndpoints: Scenario = {
  name: "many-endpoints",
  subject: `${counts[1]} endpoints`,
  title: `Small JSON requests with ${counts.join(" and with ")} endpoints of ${modelsPerEndpoint} models each, 32 connections`,
  figures: {
    cpu: { label: "CPU of the proxy per request", unit: "µs", digits: 1 },
    rate: { label: "requests per second", unit: "/s", digits: 0 },
    p99: { label: "latency p99", unit: "µs", digits: 0 },
    rss: { label: "resident memory", unit: "MiB", digits: 0 },
  },
  async run(bench) {
    const peers: Peer[] = [];
    try {
      for (const count of counts) peers.push(await startWith(bench, count));
      for (const peer of peers) await untilQuiet(peer);
      const measurements = new Measurements(peers);
      await inRounds(bench, peers, async (peer, isCounted) => {
        const { port, path } = peer;
        // Two seconds: probes of endpoints are part of what it costs to have them.
        const job = { kind: "small", port, path, connections: 32, seconds: isCounted ? 2 : 8 } as const;
        const { cpuPerAnswer, answers, seconds, latency } = await measure(peer, job, bench.upstream);
        const rss = residentMebibytes(peer.pid).total;
        if (isCounted)
          measurements.add(peer.name, { cpu: cpuPerAnswer, rate: answers / seconds, p99: latency.p99, rss });
      });
      return measurements.read();
    } finally {
      for (const peer of peers) await peer.stop();
    }
  },
};
