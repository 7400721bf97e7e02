/** Events of one stream, without the closing `[DONE]`. */
export const chunkCount = 50;
/** Pace of a stream: 100 tokens a second. */
export const chunkIntervalMs = 10;

export interface SmallJob {
  readonly kind: "small";
  readonly port: number;
  readonly path: string;
  readonly connections: number;
  readonly requests: number;
}

export interface StreamJob {
  readonly kind: "stream";
  readonly port: number;
  readonly path: string;
  readonly connections: number;
  /** Streams one after another on each connection. */
  readonly streamsPerConnection: number;
}

export type Job = SmallJob | StreamJob;

/** Times in microseconds. */
export interface JobResult {
  readonly answers: number;
  readonly seconds: number;
  readonly errors: number;
  /** Processor time of the load client itself: near 100 % of a core it would be the bottleneck. */
  readonly clientCpuShare: number;
  /** From sending a request to its last byte; only for small requests. */
  readonly latency: Percentiles;
  /** From sending a request to its first event; only for streams. */
  readonly firstToken: Percentiles;
  /** From the upstream's sending of an event to its arrival; only for streams. */
  readonly lag: Percentiles;
}

export interface Percentiles {
  readonly p50: number;
  readonly p99: number;
}

/** One clock for all processes of a run, in microseconds: the runtime's monotonic clock starts with each process. */
export function wallMicroseconds(): number {
  return Math.round((performance.timeOrigin + performance.now()) * 1_000);
}

export const chatBody = (isStream: boolean): string =>
  JSON.stringify({
    model: "bench",
    messages: [
      { role: "system", content: "You are a helpful assistant." },
      { role: "user", content: "Say something short about the weather in Perth today." },
    ],
    temperature: 0.7,
    max_tokens: 200,
    stream: isStream,
  });
