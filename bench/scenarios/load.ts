import { type FigureKind, Measurements } from "../measurements.ts";
import { type Peer, startOlla, translatedOlla } from "../peers.ts";
import { residentOfAll } from "../process-usage.ts";
import { type Bench, inRounds, measure, type Sample, type Scenario } from "../scenario.ts";
import { chunkCount, type Job } from "../workload.ts";

const microseconds = { unit: "µs", digits: 1 } as const;
const percent = { unit: "%", digits: 0 } as const;

const effort = {
  clientCpu: { label: "load client, of one core", ...percent },
  upstreamCpu: { label: "fake upstream, of one core", ...percent },
} as const;
const memory = { label: "resident memory afterwards", unit: "MiB", digits: 0 } as const;
const cpu = { label: "CPU of the proxy per request", ...microseconds };

function effortOf({ clientCpuShare, upstreamCpuShare }: Sample) {
  return { clientCpu: clientCpuShare * 100, upstreamCpu: upstreamCpuShare * 100 };
}

interface Load {
  readonly name: string;
  readonly title: string;
  readonly figures: Readonly<Record<string, FigureKind>>;
  job(peer: Peer): Job;
  /** Until a runtime that compiles as it goes has compiled what there is. Unset: the job itself. */
  warmUp?(peer: Peer): Job;
  read(sample: Sample, peer: Peer): Readonly<Record<string, number>>;
}

/** The same job through every peer in turn. */
function throughAll(load: Load): Scenario {
  const run = async (bench: Bench) => {
    const peers = await bench.peers();
    const measurements = new Measurements(peers);
    await inRounds(bench, peers, async (peer, isCounted) => {
      const job = isCounted ? load.job(peer) : (load.warmUp ?? load.job)(peer);
      const sample = await measure(peer, job, bench.upstream);
      if (isCounted) measurements.add(peer.name, load.read(sample, peer));
    });
    return measurements.read();
  };
  return { name: load.name, title: load.title, figures: load.figures, run };
}

function targetOf({ host, port, path }: Peer) {
  return { ...(host === undefined ? {} : { host }), port, path };
}

/** Whichever comes first. */
function warmUp(peer: Peer): Job {
  return { kind: "small", ...targetOf(peer), connections: 32, requests: 80_000, seconds: 15 };
}

/** The same for streams, whose beginnings and ends take longest to be compiled: there are few of them. */
function warmUpStreams(peer: Peer): Job {
  const pace = { chunks: 5, everyMs: 2 };
  return { kind: "stream", ...targetOf(peer), connections: 100, streamsPerConnection: 120, pace };
}

export const small = throughAll({
  name: "small",
  title: "Small JSON requests, 32 connections",
  figures: {
    rate: { label: "requests per second", unit: "/s", digits: 0 },
    cpu,
    p50: { label: "latency p50", ...microseconds },
    p99: { label: "latency p99", ...microseconds },
    rss: memory,
    ...effort,
  },
  job: (peer) => ({ kind: "small", ...targetOf(peer), connections: 32, seconds: 2 }),
  warmUp,
  read: (sample, peer) => ({
    rate: sample.answers / sample.seconds,
    cpu: sample.cpuPerAnswer,
    p50: sample.latency.p50,
    p99: sample.latency.p99,
    rss: residentOfAll(peer.pid),
    ...effortOf(sample),
  }),
});

export const smallAlone = throughAll({
  name: "small-1",
  title: "Small JSON requests, 1 connection",
  figures: {
    p50: { label: "latency p50", ...microseconds },
    p99: { label: "latency p99", ...microseconds },
    cpu,
    ...effort,
  },
  job: (peer) => ({ kind: "small", ...targetOf(peer), connections: 1, seconds: 1.5 }),
  warmUp,
  read: (sample) => ({
    p50: sample.latency.p50,
    p99: sample.latency.p99,
    cpu: sample.cpuPerAnswer,
    ...effortOf(sample),
  }),
});

const streamFigures = {
  cpu: { label: `CPU of the proxy per ${chunkCount}-chunk stream`, unit: "µs", digits: 0 },
  chunk: { label: "CPU of the proxy per chunk", ...microseconds },
  first50: { label: "time to first token p50", ...microseconds },
  first99: { label: "time to first token p99", ...microseconds },
  lag50: { label: "chunk lag p50", ...microseconds },
  lag99: { label: "chunk lag p99", ...microseconds },
  rss: memory,
  ...effort,
} as const;

const streamLoad = {
  figures: streamFigures,
  job: (peer: Peer): Job => ({
    kind: "stream",
    ...targetOf(peer),
    connections: 200,
    streamsPerConnection: 4,
  }),
  read: (sample: Sample, peer: Peer) => ({
    cpu: sample.cpuPerAnswer,
    chunk: sample.cpuPerAnswer / chunkCount,
    first50: sample.firstToken.p50,
    first99: sample.firstToken.p99,
    ...(sample.lag.p99 > 0 ? { lag50: sample.lag.p50, lag99: sample.lag.p99 } : {}),
    rss: residentOfAll(peer.pid),
    ...effortOf(sample),
  }),
};

export const streams = throughAll({
  name: "streams",
  title: `200 concurrent streams, ${chunkCount} chunks each, one every 10 ms`,
  ...streamLoad,
  warmUp: warmUpStreams,
});

export const streamsAlone = throughAll({
  name: "streams-1",
  title: "Streams one after another, 1 connection",
  figures: {
    first50: streamFigures.first50,
    first99: streamFigures.first99,
    ...effort,
  },
  // Short, because only their beginning is looked at, and a percentile wants hundreds of them.
  job: (peer) => ({
    kind: "stream",
    ...targetOf(peer),
    connections: 1,
    streamsPerConnection: 400,
    pace: { chunks: 3, everyMs: 1 },
  }),
  warmUp: warmUpStreams,
  read: (sample) => ({
    first50: sample.firstToken.p50,
    first99: sample.firstToken.p99,
    ...effortOf(sample),
  }),
});

/** For a client of Anthropic's Messages API, against the same streams as they are, in one process. */
export const translated: Scenario = {
  name: "translated",
  title: "The same 200 streams, translated for a client of the Messages API",
  subject: "translated",
  figures: streamFigures,
  async run(bench) {
    const measurements = new Measurements();
    // With it, endpoints that know the Messages API would get them as they are.
    const config = { translators: { anthropic: { passthrough_enabled: false } } };
    const url = `http://127.0.0.1:${bench.upstream.port}`;
    const olla = await startOlla(bench.folder, "translated", [url], { config, command: bench.ollaCommand });
    try {
      await inRounds(bench, [olla, translatedOlla(olla)], async (peer, isCounted) => {
        const job = isCounted ? streamLoad.job(peer) : warmUpStreams(peer);
        const sample = await measure(peer, job, bench.upstream);
        if (isCounted) measurements.add(peer.name, streamLoad.read(sample, peer));
      });
    } finally {
      await olla.stop();
    }
    return measurements.read();
  },
};
