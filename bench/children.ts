import { rmSync } from "node:fs";

const running = new Set<Bun.Subprocess>();

/** Remembers a process until it has ended, so that `endWithThisProcess` finds it. */
export function remember<Child extends Bun.Subprocess>(child: Child): Child {
  running.add(child);
  void child.exited.finally(() => running.delete(child));
  return child;
}

/** When this process is told to stop half way, what it started stops as well, and its folder goes. */
export function endWithThisProcess(folder: string): void {
  for (const [signal, code] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const) {
    process.once(signal, () => {
      for (const child of running) child.kill("SIGTERM");
      rmSync(folder, { recursive: true, force: true });
      process.exit(code);
    });
  }
}
