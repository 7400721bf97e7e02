/** How an answer is streamed: so many events, one every so many milliseconds, besides the closing `[DONE]`. */
export interface Pace {
  readonly chunks: number;
  readonly everyMs: number;
}

/** Events of one stream where a job says nothing else. */
export const chunkCount = 50;

/** 100 tokens a second. */
export const usualPace: Pace = { chunks: chunkCount, everyMs: 10 };

interface JobTarget {
  readonly host?: string;
  readonly port: number;
  readonly path: string;
}

/** Small chat requests: a connection sends its next one when the answer before it is complete. */
export interface SmallJob extends JobTarget {
  readonly kind: "small";
  readonly connections: number;
  /** Ends the job, all connections together. */
  readonly requests?: number;
  /** Ends the job as well, whichever comes first. With neither it goes on until its standard input is closed. */
  readonly seconds?: number;
  /** Least time between two requests of one connection. */
  readonly everyMs?: number;
}

/** Streams, one after another on each connection. */
export interface StreamJob extends JobTarget {
  readonly kind: "stream";
  readonly connections: number;
  readonly streamsPerConnection: number;
  readonly pace?: Pace;
  /** Over which the first streams begin. Unset: the length of one, or they would all tick together. */
  readonly spreadMs?: number;
}

/** Requests with one large image each, on one connection, the model behind the image. */
export interface BodyJob extends JobTarget {
  readonly kind: "body";
  readonly mebibytes: number;
  /** Nothing more is sent after them. */
  readonly seconds: number;
}

export type Job = SmallJob | StreamJob | BodyJob;

/** Times in microseconds. */
export interface JobResult {
  /** Complete ones. */
  readonly answers: number;
  readonly seconds: number;
  /** Answers that were refused, cut off, or not what the upstream sent. */
  readonly errors: number;
  /** Processor time of the load client itself: near 100 % of a core it would be the bottleneck. */
  readonly clientCpuShare: number;
  /** From sending a request to its last byte; not for streams. */
  readonly latency: Percentiles;
  /** From sending a request to its first event; only for streams. */
  readonly firstToken: Percentiles;
  /** From the upstream's sending of an event to its arrival; only for streams. */
  readonly lag: Percentiles;
  /** Most streams that were under way at one time, each with its first event seen. */
  readonly openAtOnce: number;
}

export interface Percentiles {
  readonly p50: number;
  readonly p99: number;
}

/** One clock for all processes of a run, in microseconds: the runtime's monotonic clock starts with each process. */
export function wallMicroseconds(): number {
  return Math.round((performance.timeOrigin + performance.now()) * 1_000);
}

/** The upstream reads the pace in `user`, the one free text of a request that every proxy passes on. */
export function paceMark({ chunks, everyMs }: Pace): string {
  return `pace-${chunks}-${everyMs}`;
}

/** The pace that a request's body asks for. */
export function readPace(body: string): Pace {
  const [, chunks, everyMs] = /"pace-(\d+)-(\d+)"/.exec(body) ?? [];
  return chunks === undefined ? usualPace : { chunks: Number(chunks), everyMs: Number(everyMs) };
}

export function chatBody(isStream: boolean, pace?: Pace): string {
  return JSON.stringify({
    model: "bench",
    messages: [
      { role: "system", content: "You are a helpful assistant." },
      { role: "user", content: "Say something short about the weather in Perth today." },
    ],
    temperature: 0.7,
    max_tokens: 200,
    ...(pace === undefined ? {} : { user: paceMark(pace) }),
    stream: isStream,
  });
}

/** A question about a picture of so many bytes, its members in the worst order: who wants the model reads to the end. */
export function visionBody(mebibytes: number): Buffer {
  const image = Buffer.alloc(mebibytes * 2 ** 20, "iVBORw0KGgoAAAANSUhEUgAAB4AAAAQ4CAYAAADo08FD");
  const head =
    '{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,';
  const tail =
    '"}},{"type":"text","text":"What is this?"}]}],"max_tokens":200,"stream":false,"model":"bench"}';
  return Buffer.concat([Buffer.from(head), image, Buffer.from(tail)]);
}
