import { readdirSync, readFileSync } from "node:fs";

/** Nanoseconds on a processor so far, by thread: a process's own and its children's. */
function threadTimes(pid: number, times = new Map<string, number>()): Map<string, number> {
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    try {
      // `stat` counts in hundredths of a second, too coarse for a short run.
      const [onProcessor] = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "utf8").split(" ");
      times.set(thread, Number(onProcessor));
    } catch (error) {
      // One that has ended since the list was read.
      if (thread === String(pid)) throw error;
    }
  }
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ");
  for (const child of children) if (child.trim() !== "") threadTimes(Number(child), times);
  return times;
}

/**
 * Measures from now on what a process takes. By thread, because the runtime ends threads that have had nothing to do: with
 * a sum over the living ones, such an end would look like time given back. What it did since the start is then missing.
 * @returns the seconds on a processor since the call
 * @throws where the kernel does not tell, as outside of Linux
 */
export function startCpuMeter(pid: number): () => number {
  const before = threadTimes(pid);
  return () => {
    let nanoseconds = 0;
    for (const [thread, time] of threadTimes(pid)) nanoseconds += time - (before.get(thread) ?? 0);
    return nanoseconds / 1e9;
  };
}
