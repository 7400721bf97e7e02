// Runs one job against one port and prints its result: `bun bench/load-client.ts '<job as JSON>'`.
// Bare sockets and kept-alive connections; a request follows as soon as the answer before it is complete.
import { HttpReader } from "./http-reader.ts";
import {
  chatBody,
  chunkCount,
  chunkIntervalMs,
  type Job,
  type JobResult,
  type Percentiles,
  wallMicroseconds,
} from "./workload.ts";

const deadlineMs = 30_000;

function percentiles(values: number[]): Percentiles {
  values.sort((left, right) => left - right);
  const at = (share: number): number =>
    values[Math.min(values.length - 1, Math.floor(values.length * share))] ?? 0;
  return { p50: at(0.5), p99: at(0.99) };
}

function microsecondsSince(start: bigint): number {
  return Number(process.hrtime.bigint() - start) / 1_000;
}

class LoadRun {
  readonly latencies: number[] = [];
  readonly firstTokens: number[] = [];
  readonly lags: number[] = [];
  answers = 0;
  errors = 0;
  readonly #job: Job;
  readonly #request: Buffer;
  #toStart: number;

  constructor(job: Job) {
    this.#job = job;
    const body = chatBody(job.kind === "stream");
    this.#request = Buffer.from(
      `POST ${job.path} HTTP/1.1\r\nHost: 127.0.0.1:${job.port}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    this.#toStart = job.kind === "small" ? job.requests : job.connections * job.streamsPerConnection;
  }

  /** One connection, until no request is left to start. */
  async connect(): Promise<void> {
    const finished = Promise.withResolvers<void>();
    let sentAt = 0n;
    let hasToken = false;
    const next = (): void => {
      if (this.#toStart === 0) {
        socket.end();
        finished.resolve();
        return;
      }
      this.#toStart -= 1;
      hasToken = false;
      sentAt = process.hrtime.bigint();
      socket.write(this.#request);
    };
    const reader = new HttpReader({
      onHead: (head) => {
        if (!head.startsWith("http/1.1 200")) this.errors += 1;
      },
      onBody: (piece) => {
        if (this.#job.kind === "small") return;
        if (!hasToken) this.firstTokens.push(microsecondsSince(sentAt));
        hasToken = true;
        for (const [, sent = "0"] of piece.toString("latin1").matchAll(/"sent_at":"(\d+)"/g)) {
          this.lags.push(wallMicroseconds() - Number(sent));
        }
      },
      onEnd: () => {
        this.answers += 1;
        if (this.#job.kind === "small") this.latencies.push(microsecondsSince(sentAt));
        next();
      },
    });
    const socket = await Bun.connect({
      hostname: "127.0.0.1",
      port: this.#job.port,
      socket: {
        data: (_socket, piece) => reader.feed(piece),
        close: () => finished.resolve(),
        error: () => {
          this.errors += 1;
          finished.resolve();
        },
      },
    });
    next();
    await finished.promise;
  }
}

const job = JSON.parse(process.argv[2] ?? "{}") as Job;
const run = new LoadRun(job);
const deadline = setTimeout(() => {
  console.error(`the job did not end within ${deadlineMs} ms`);
  process.exit(1);
}, deadlineMs);
const cpuBefore = process.cpuUsage();
const startedAt = process.hrtime.bigint();
// Streams begin spread over the length of one: started together they would queue behind each other and tick together.
const stepMs = job.kind === "stream" ? (chunkCount * chunkIntervalMs) / job.connections : 0;
const connections = Array.from({ length: job.connections }, async (_, index) => {
  if (stepMs > 0) await Bun.sleep(index * stepMs);
  await run.connect();
});
await Promise.all(connections);
const seconds = microsecondsSince(startedAt) / 1e6;
const cpu = process.cpuUsage(cpuBefore);
clearTimeout(deadline);
const result: JobResult = {
  answers: run.answers,
  seconds,
  errors: run.errors,
  clientCpuShare: (cpu.user + cpu.system) / 1e6 / seconds,
  latency: percentiles(run.latencies),
  firstToken: percentiles(run.firstTokens),
  lag: percentiles(run.lags),
};
console.log(JSON.stringify(result));
