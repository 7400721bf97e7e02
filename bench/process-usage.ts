import { readdirSync, readFileSync, writeFileSync } from "node:fs";

function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8")
    .split(" ")
    .filter((word) => word.trim() !== "")
    .map(Number);
}

/** Nanoseconds on a processor of each living thread of a process and of its children. */
function threadTimes(pid: number): Map<string, number> {
  const times = new Map<string, number>();
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    try {
      // `stat` counts in hundredths of a second, too coarse for a short run; `schedstat` counts in nanoseconds.
      const text = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "utf8");
      times.set(thread, Number(text.split(" ")[0]));
    } catch {
      // Ended since the folder was listed.
    }
  }
  for (const child of childrenOf(pid))
    for (const [thread, time] of threadTimes(child)) times.set(thread, time);
  return times;
}

/**
 * Starts to count the time on a processor of a process and its children. A helper thread that ends meanwhile takes its
 * own time with it, and not that of its whole life, as it would with two sums over the living ones.
 * @returns reads the seconds so far
 */
export function startCpuClock(pid: number): () => number {
  const before = threadTimes(pid);
  return () =>
    threadTimes(pid)
      .entries()
      .reduce((sum, [thread, time]) => sum + (time - (before.get(thread) ?? 0)) / 1e9, 0);
}

function readStatus(path: string): (name: string) => number {
  const status = readFileSync(path, "utf8");
  return (name) => Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(status)?.[1] ?? 0);
}

/** Resident memory in MiB: all of it, and the part that is no page of a file. */
export function residentMebibytes(pid: number): { total: number; anonymous: number } {
  const read = readStatus(`/proc/${pid}/status`);
  return { total: read("VmRSS") / 1024, anonymous: read("RssAnon") / 1024 };
}

/** Resident memory in MiB of a process and its children; pages that they share count once for each. */
export function residentOfAll(pid: number): number {
  return childrenOf(pid).reduce((sum, child) => sum + residentOfAll(child), residentMebibytes(pid).total);
}

/** The most resident memory since `resetPeak`, in MiB, children's included. */
export function peakMebibytes(pid: number): number {
  const own = readStatus(`/proc/${pid}/status`)("VmHWM") / 1024;
  return childrenOf(pid).reduce((sum, child) => sum + peakMebibytes(child), own);
}

/** Lets the kernel's record of the most resident memory begin anew. */
export function resetPeak(pid: number): void {
  writeFileSync(`/proc/${pid}/clear_refs`, "5");
  for (const child of childrenOf(pid)) resetPeak(child);
}

/** How often each thread of a process has got a processor: once for each time it was woken or put aside. */
export function contextSwitches(pid: number): ReadonlyMap<string, number> {
  return new Map(
    readdirSync(`/proc/${pid}/task`).map((thread) => {
      const read = readStatus(`/proc/${pid}/task/${thread}/status`);
      return [thread, read("voluntary_ctxt_switches") + read("nonvoluntary_ctxt_switches")];
    }),
  );
}
