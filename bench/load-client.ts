// Runs one job against one port and prints its result: `bun bench/load-client.ts '<job as JSON>'`.
import { LoadConnection, type Plan } from "./load-connection.ts";
import { Tally } from "./tally.ts";
import { chatBody, type Job, type StreamJob, usualPace, visionBody } from "./workload.ts";

const deadlineMs = 90_000;

function bodyOf(job: Job): Buffer {
  switch (job.kind) {
    case "small":
      return Buffer.from(chatBody(false));
    case "stream":
      return Buffer.from(chatBody(true, job.pace ?? usualPace));
    case "body":
      return visionBody(job.mebibytes);
  }
}

function requestOf(job: Job): Buffer {
  const body = bodyOf(job);
  const host = job.host?.includes(":") ? `[${job.host}]` : (job.host ?? "127.0.0.1");
  const head = `POST ${job.path} HTTP/1.1\r\nHost: ${host}:${job.port}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), body]);
}

function requestCountOf(job: Job): number {
  if (job.kind === "stream") return job.connections * job.streamsPerConnection;
  if (job.kind === "body") return Number.POSITIVE_INFINITY;
  return job.requests ?? Number.POSITIVE_INFINITY;
}

/** Two for each event, `[DONE]` included. */
function newlinesOf(job: Job): number | undefined {
  if (job.kind !== "stream" || !job.path.endsWith("/chat/completions")) return undefined;
  return 2 * ((job.pace ?? usualPace).chunks + 1);
}

/** Streams begin one after another: started together they would queue behind each other and tick together. */
function spreadOf(job: StreamJob): number {
  if (job.connections === 1) return 0;
  const { chunks, everyMs } = job.pace ?? usualPace;
  return job.spreadMs ?? chunks * everyMs;
}

async function runJob(job: Job): Promise<void> {
  const tally = new Tally();
  let left = requestCountOf(job);
  const plan: Plan = {
    hostname: job.host ?? "127.0.0.1",
    port: job.port,
    request: requestOf(job),
    isStream: job.kind === "stream",
    newlines: newlinesOf(job),
    everyMs: job.kind === "small" ? (job.everyMs ?? 0) : 0,
    takeNext() {
      left -= 1;
      return left >= 0;
    },
  };
  const finish = (): void => {
    left = 0;
  };
  const cpuBefore = process.cpuUsage();
  const startedAt = Bun.nanoseconds();
  if (job.kind !== "stream" && job.seconds !== undefined) setTimeout(finish, job.seconds * 1_000).unref();
  else if (job.kind === "small" && job.requests === undefined) process.stdin.once("end", finish).resume();
  const count = job.kind === "body" ? 1 : job.connections;
  const stepMs = job.kind === "stream" ? spreadOf(job) / count : 0;
  const connections = Array.from({ length: count }, async (_, index) => {
    if (stepMs > 0) await Bun.sleep(index * stepMs);
    await new LoadConnection(plan, tally).run();
  });
  await Promise.all(connections);
  const seconds = (Bun.nanoseconds() - startedAt) / 1e9;
  const cpu = process.cpuUsage(cpuBefore);
  console.log(JSON.stringify(tally.result(seconds, (cpu.user + cpu.system) / 1e6)));
}

const deadline = setTimeout(() => {
  console.error(`the job did not end within ${deadlineMs} ms`);
  process.exit(1);
}, deadlineMs);
await runJob(JSON.parse(process.argv[2] ?? "{}") as Job);
clearTimeout(deadline);
