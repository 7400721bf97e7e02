import { loadConfig } from "../config/load.ts";
import { formatDuration, parseDuration } from "../lib/duration.ts";
import { UsageError } from "./arguments.ts";
import { addressFrom } from "./olla-address.ts";
import { AskError, type ConnectionOptions, findOlla, type RunningOlla } from "./running-olla.ts";
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
  const olla = await findForProbe(flags, configPath, terminal, timeoutMs);
  await olla.ask("/internal/health");
  const took = formatDuration(Math.ceil(performance.now() - startedAt));
  terminal.out(`healthy: ${olla.shown} answered in ${took}\n`);
  return 0;
}

/**
 * A running Olla goes on with the configuration that it has when somebody saves one with a mistake. It must not be taken
 * for dead then, so it is asked where it would be without the file.
 */
async function findForProbe(
  flags: HealthFlags,
  configPath: string | undefined,
  terminal: Terminal,
  timeoutMs: number,
): Promise<RunningOlla> {
  try {
    return await findOlla(flags, configPath, terminal, timeoutMs);
  } catch (error) {
    if (!(error instanceof AskError) || flags.url !== undefined) throw error;
    const { env, cwd } = terminal;
    const { config } = await loadConfig({ path: "no file", env, cwd, readFile: async () => "" });
    if (config === undefined) throw error;
    const { host, port, admin } = config.server;
    const { shown } = addressFrom({ host, port, adminPort: admin.port, hasTls: false });
    const olla = await findOlla({ ...flags, url: shown }, undefined, terminal, timeoutMs);
    return { ...olla, ask: (path) => olla.ask(path).catch((silence) => Promise.reject(bothFailed(silence))) };
  }
}

function bothFailed(silence: unknown): AskError {
  const reason = silence instanceof Error ? silence.message : String(silence);
  return new AskError(`the configuration has mistakes (\`olla validate\` shows them), and ${reason}`, {
    cause: silence,
  });
}

function readTimeout(text: string): number {
  const milliseconds = parseDuration(text);
  if (milliseconds === undefined || milliseconds <= 0 || milliseconds > longestTimeoutMs) {
    throw new UsageError(`--timeout: expected a duration of up to 10m such as 3s, got "${text}"`);
  }
  return milliseconds;
}
