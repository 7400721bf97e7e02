import { formatDuration, parseDuration } from "../lib/duration.ts";
import { UsageError } from "./arguments.ts";
import { type ConnectionOptions, findOlla } from "./running-olla.ts";
import type { Terminal } from "./terminal.ts";

/** The flags of `olla health`, which needs no key. */
export interface HealthFlags extends Pick<ConnectionOptions, "url" | "ca"> {
  /** A duration. */
  readonly timeout: string;
}

const longestTimeoutMs = 600_000;

/**
 * Asks a running Olla whether it answers; endpoints may be as they like. For whoever starts it anew when it does not.
 * @returns the exit code, 0
 * @throws UsageError, and AskError when there is no good answer in time
 */
export async function health(
  flags: HealthFlags,
  configPath: string | undefined,
  terminal: Terminal,
): Promise<number> {
  const timeoutMs = readTimeout(flags.timeout);
  const startedAt = performance.now();
  const olla = await findOlla(flags, configPath, terminal, timeoutMs);
  await olla.ask("/internal/health");
  const took = formatDuration(Math.ceil(performance.now() - startedAt));
  terminal.out(`healthy: ${olla.shown} answered in ${took}\n`);
  return 0;
}

function readTimeout(text: string): number {
  const milliseconds = parseDuration(text);
  if (milliseconds === undefined || milliseconds <= 0 || milliseconds > longestTimeoutMs) {
    throw new UsageError(`--timeout: expected a duration of up to 10m such as 3s, got "${text}"`);
  }
  return milliseconds;
}
