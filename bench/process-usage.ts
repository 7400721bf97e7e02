import { readdirSync, readFileSync, writeFileSync } from "node:fs";

function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8")
    .split(" ")
    .filter((word) => word.trim() !== "")
    .map(Number);
}

/** Time on a processor of a process's living threads and its living children, in seconds. */
export function cpuSeconds(pid: number): number {
  const threads = readdirSync(`/proc/${pid}/task`);
  // `stat` counts in hundredths of a second, too coarse for a short run; `schedstat` counts in nanoseconds.
  const nanoseconds = threads.map((thread) =>
    Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "utf8").split(" ")[0]),
  );
  const own = nanoseconds.reduce((sum, each) => sum + each, 0) / 1e9;
  return childrenOf(pid).reduce((sum, child) => sum + cpuSeconds(child), own);
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
