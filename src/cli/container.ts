import { existsSync, readFileSync } from "node:fs";
import type { Terminal } from "./terminal.ts";

/** Whether Olla runs in a container, as far as there are signs of one. Never throws. */
export function isInContainer(env: Terminal["env"]): boolean {
  if (env.KUBERNETES_SERVICE_HOST || env.container) return true;
  if (["/.dockerenv", "/run/.containerenv"].some((file) => existsSync(file))) return true;
  try {
    return /docker|containerd|kubepods/.test(readFileSync("/proc/1/cgroup", "utf8"));
  } catch {
    // Not Linux, or not ours to read: then there is no sign of a container.
    return false;
  }
}
