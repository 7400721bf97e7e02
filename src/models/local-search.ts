import type { Clock } from "../lib/clock.ts";
import type { FetchLike } from "../lib/http-get.ts";
import type { Profile } from "../profiles/profile.ts";
import { fallbackProfileName } from "../profiles/profile-set.ts";
import { detectKind } from "./detect-kind.ts";
import { discoveryHeaders, ModelFetchError } from "./fetch-model-list.ts";

/** One address to look at, and the kinds of backend that are usual there. */
export interface LocalPort {
  readonly port: number;
  readonly profiles: readonly Profile[];
}

export interface LocalEndpoint {
  /** Kind and port: `ollama-11434`. */
  readonly name: string;
  readonly url: string;
  readonly profileName: string;
}

/** What one look at one port showed, in plain words. */
export interface PortReport {
  readonly port: number;
  readonly url: string;
  readonly text: string;
  readonly found?: LocalEndpoint;
}

export interface LocalSearchOptions {
  readonly ports: readonly LocalPort[];
  /** Default `127.0.0.1`. */
  readonly host?: string;
  /** For each port. */
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly version: string;
  readonly fetch?: FetchLike;
}

/** llama.cpp's port; whatever kind claims it, an OpenAI-like list is what answers there. */
const llamaCppPort = 8080;

/** The ports that the profiles name, each with its kinds, in ascending order. */
export function localPorts(profiles: readonly Profile[]): readonly LocalPort[] {
  const byPort = new Map<number, Profile[]>();
  for (const profile of profiles) {
    for (const port of profile.defaultPorts) byPort.set(port, [...(byPort.get(port) ?? []), profile]);
  }
  const fallback = profiles.find((profile) => profile.name === fallbackProfileName);
  if (fallback !== undefined && !byPort.has(llamaCppPort)) byPort.set(llamaCppPort, [fallback]);
  return [...byPort]
    .map(([port, kinds]) => ({ port, profiles: kinds }))
    .sort((left, right) => left.port - right.port);
}

/** Looks at all ports at once, each for at most `timeoutMs`. Never throws for what a port does. */
export function searchLocalEndpoints(options: LocalSearchOptions): Promise<readonly PortReport[]> {
  return Promise.all(options.ports.map((port) => lookAt(port, options)));
}

async function lookAt({ port, profiles }: LocalPort, options: LocalSearchOptions): Promise<PortReport> {
  const url = `http://${options.host ?? "127.0.0.1"}:${port}`;
  const { clock, timeoutMs, version, fetch } = options;
  try {
    const detected = await detectKind(url, {
      profiles,
      headers: discoveryHeaders(version, []),
      timeoutMs,
      clock,
      ...(fetch === undefined ? {} : { fetch }),
    });
    if (detected === undefined) {
      const kinds = profiles.map((profile) => profile.displayName).join(" or ");
      return { port, url, text: `something answers, but not with a model list of ${kinds}` };
    }
    const { profile, models } = detected;
    const count = models.length === 1 ? "1 model" : `${models.length} models`;
    return {
      port,
      url,
      text: `${profile.displayName}, ${count}`,
      found: { name: `${profile.name}-${port}`, url, profileName: profile.name },
    };
  } catch (error) {
    if (!(error instanceof ModelFetchError)) throw error;
    return { port, url, text: describeSilence(error) };
  }
}

function describeSilence(error: ModelFetchError): string {
  if (error.fault === "unreachable") return "nothing is listening";
  if (error.status === 401 || error.status === 403)
    return `something answers, but wants a key (HTTP ${error.status})`;
  if (error.fault === "timeout") return "something is listening, but gave no model list in time";
  return `something is listening, but: ${error.message}`;
}

export interface LocalSearchLoopOptions extends LocalSearchOptions {
  readonly intervalMs: number;
  /** Called with what a later look found for the first time; never with an empty list, never twice for one URL. */
  readonly onFound: (endpoints: readonly LocalEndpoint[]) => void;
}

/** Keeps looking at those ports that have shown nothing yet, for a process that was started before its backends. */
export class LocalSearch {
  readonly #options: LocalSearchLoopOptions;
  #remaining: readonly LocalPort[];
  #cancelTimer: (() => void) | undefined;
  #isRunning = false;

  constructor(options: LocalSearchLoopOptions) {
    this.#options = options;
    this.#remaining = options.ports;
  }

  /** Looks once, gives the reports of all ports, and goes on looking in the background. `onFound` is for later finds. */
  async start(): Promise<readonly PortReport[]> {
    this.#isRunning = true;
    const reports = await this.#look();
    this.#schedule();
    return reports;
  }

  stop(): void {
    this.#isRunning = false;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }

  async #look(): Promise<readonly PortReport[]> {
    const reports = await searchLocalEndpoints({ ...this.#options, ports: this.#remaining });
    const foundPorts = new Set(
      reports.filter((report) => report.found !== undefined).map(({ port }) => port),
    );
    this.#remaining = this.#remaining.filter(({ port }) => !foundPorts.has(port));
    return reports;
  }

  #schedule(): void {
    if (!this.#isRunning || this.#remaining.length === 0) return;
    this.#cancelTimer = this.#options.clock.after(this.#options.intervalMs, () => void this.#lookAgain());
  }

  async #lookAgain(): Promise<void> {
    const reports = await this.#look();
    const found = reports.flatMap((report) => report.found ?? []);
    if (found.length > 0 && this.#isRunning) this.#options.onFound(found);
    this.#schedule();
  }
}
