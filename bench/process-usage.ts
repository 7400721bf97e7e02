import { readdirSync, readFileSync } from "node:fs";

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

/** Resident memory in MiB: all of it, and the part that is no page of a file. */
export function residentMebibytes(pid: number): { total: number; anonymous: number } {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const kibibytes = (name: string): number => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1] ?? 0);
  return { total: kibibytes("VmRSS") / 1024, anonymous: kibibytes("RssAnon") / 1024 };
}
