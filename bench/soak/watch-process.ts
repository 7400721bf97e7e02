import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { residentMebibytes } from "../process-usage.ts";

/** One look at Olla, from the kernel's side and from its own. */
export interface Sample {
  readonly seconds: number;
  readonly residentMebibytes: number;
  readonly anonymousMebibytes: number;
  readonly files: number;
  readonly sockets: number;
  readonly threads: number;
  /** Requests under way, and those of them that are at endpoints. */
  readonly requests: number;
  readonly attempts: number;
  readonly queued: number;
  /** How late timers are called, since the start. */
  readonly loopDelayMs: { readonly p50: number; readonly p99: number };
}

interface ProcessBody {
  readonly runtime: { readonly event_loop_delay?: { readonly p50_ms: number; readonly p99_ms: number } };
}
interface StatusBody {
  readonly system: { readonly active_connections: number };
  readonly endpoints: readonly { readonly queue?: { readonly depth: number } }[];
}
interface LiveBody {
  readonly total: number;
}

async function readText(url: string): Promise<string> {
  const answer = await fetch(url, { signal: AbortSignal.timeout(10_000) });
  if (!answer.ok) throw new Error(`${url} answered ${answer.status}`);
  return await answer.text();
}

async function read<T>(url: string): Promise<T> {
  return JSON.parse(await readText(url)) as T;
}

/** Also scrapes the metrics, as a monitored Olla's are. */
export async function takeSample(pid: number, url: string, seconds: number): Promise<Sample> {
  const figures = await read<ProcessBody>(`${url}/internal/process`);
  const status = await read<StatusBody>(`${url}/internal/status`);
  const live = await read<LiveBody>(`${url}/internal/live`);
  await readText(`${url}/internal/metrics`);
  const { total, anonymous } = residentMebibytes(pid);
  const delay = figures.runtime.event_loop_delay;
  return {
    seconds,
    residentMebibytes: total,
    anonymousMebibytes: anonymous,
    ...openFiles(pid),
    threads: readdirSync(`/proc/${pid}/task`).length,
    requests: live.total,
    attempts: status.system.active_connections,
    queued: status.endpoints.reduce((sum, { queue }) => sum + (queue?.depth ?? 0), 0),
    loopDelayMs: { p50: delay?.p50_ms ?? 0, p99: delay?.p99_ms ?? 0 },
  };
}

function openFiles(pid: number): { readonly files: number; readonly sockets: number } {
  const descriptors = readdirSync(`/proc/${pid}/fd`);
  const isSocket = (descriptor: string): boolean => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${descriptor}`).startsWith("socket:");
    } catch {
      // Closed since the list was read.
      return false;
    }
  };
  const sockets = descriptors.filter(isSocket).length;
  return { files: descriptors.length, sockets };
}

/** How often a process's threads have gone to sleep, which is how often they had been woken. */
function countSleeps(pid: number): number {
  return readdirSync(`/proc/${pid}/task`).reduce((sum, thread) => {
    const status = readFileSync(`/proc/${pid}/task/${thread}/status`, "utf8");
    return sum + Number(/^voluntary_ctxt_switches:\s+(\d+)/m.exec(status)?.[1] ?? 0);
  }, 0);
}

/** Wake-ups a second over a time in which nobody asks anything. */
export async function idleWakeUps(pid: number, seconds: number): Promise<number> {
  const before = countSleeps(pid);
  await Bun.sleep(seconds * 1000);
  return Math.max(0, countSleeps(pid) - before) / seconds;
}
