import { rm } from "node:fs/promises";

const running = new Set<Bun.Subprocess>();
let isEnding = false;

/** Remembers a process until it has ended, so that `endWithThisProcess` finds it. */
export function remember<Child extends Bun.Subprocess>(child: Child): Child {
  running.add(child);
  void child.exited.finally(() => running.delete(child));
  if (isEnding) child.kill("SIGTERM");
  return child;
}

/** Asks a process to end, and makes it after three seconds. */
export async function stopChild(child: Bun.Subprocess): Promise<void> {
  child.kill("SIGTERM");
  const forced = setTimeout(() => child.kill("SIGKILL"), 3_000);
  await child.exited;
  clearTimeout(forced);
}

async function endAll(folder: string): Promise<void> {
  isEnding = true;
  while (running.size > 0) await Promise.all([...running].map(stopChild));
  await rm(folder, { recursive: true, force: true });
}

/** When this process is told to stop half way, what it started stops as well, and its folder goes. */
export function endWithThisProcess(folder: string): void {
  for (const [signal, code] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const) {
    process.once(signal, () => void endAll(folder).finally(() => process.exit(code)));
  }
}
