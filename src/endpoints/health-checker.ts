import { helpFor, isErrorCode } from "../errors.ts";
import type { Clock } from "../lib/clock.ts";
import type { Logger } from "../lib/log.ts";
import type { Endpoint } from "./endpoint.ts";
import type { EndpointRegistry, StatusChange, Unsubscribe } from "./endpoint-registry.ts";
import type { Probe } from "./probe.ts";
import { judgeFailure, type ProbeResult } from "./probe-result.ts";

export interface HealthCheckerOptions {
  readonly registry: EndpointRegistry;
  readonly probe: Probe;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Checks under way at once. */
  readonly concurrency?: number;
}

/** Checks that fall due this close together share one wake-up. */
const sameWakeUpMs = 20;
const reportEveryFailures = 5;
/** `setTimeout` fires at once for more. */
const longestTimerMs = 2 ** 31 - 1;

/**
 * Checks every endpoint at its own times, and never twice at once. One timer waits for the earliest; nothing polls.
 * Requests neither wait for it nor hold it up.
 */
export class HealthChecker {
  readonly #options: HealthCheckerOptions;
  readonly #concurrency: number;
  readonly #running = new Map<string, Promise<void>>();
  readonly #waiting: (() => void)[] = [];
  #active = 0;
  #controller = new AbortController();
  #unsubscribe: Unsubscribe | undefined;
  /** Never after the next check that is due. */
  #alarm: { readonly at: number; readonly cancel: () => void } | undefined;

  constructor(options: HealthCheckerOptions) {
    this.#options = options;
    this.#concurrency = options.concurrency ?? 5;
  }

  /** Begins a check of everything that is due (at first: everything) and keeps going until `stop`. */
  start(): void {
    if (this.#unsubscribe !== undefined) return;
    this.#controller = new AbortController();
    const { registry, clock } = this.#options;
    const endStatus = registry.onStatusChange((change) => {
      this.#logChange(change);
      this.#wakeFor(change.endpoint.name);
    });
    const endReplaced = registry.onEndpointsReplaced(() => this.#wakeAt(clock.now()));
    this.#unsubscribe = () => {
      endStatus();
      endReplaced();
    };
    this.#checkDue();
  }

  /** Ends the schedule and the checks under way, whose results no longer count. Resolves when none is left. */
  async stop(): Promise<void> {
    this.#unsubscribe?.();
    this.#unsubscribe = undefined;
    this.#dropAlarm();
    this.#controller.abort();
    await Promise.all(this.#running.values());
  }

  /**
   * Checks one endpoint, or all, without waiting for their time; a check that is under way is joined instead. An open
   * probe breaker and a rate limit still hold unless an operator asks. Resolves when done, never rejects.
   */
  async checkNow(name?: string, isForced = false): Promise<void> {
    const names =
      name === undefined ? this.#options.registry.snapshot().map((state) => state.endpoint.name) : [name];
    await Promise.all(names.map((each) => this.#check(each, isForced)));
  }

  #checkDue(): void {
    const { registry, clock } = this.#options;
    const limit = clock.now() + sameWakeUpMs;
    let earliest = Number.POSITIVE_INFINITY;
    for (const { endpoint, health } of registry.snapshot()) {
      if (health.nextCheckAt > limit) {
        earliest = Math.min(earliest, health.nextCheckAt);
      } else if (!this.#running.has(endpoint.name)) {
        // Never rejects; whoever has to wait for it finds it in #running.
        void this.#check(endpoint.name);
      }
    }
    this.#dropAlarm();
    this.#wakeAt(earliest);
  }

  /** One of perhaps hundreds has another time for its next check: nobody else's is looked at. */
  #wakeFor(name: string): void {
    const state = this.#options.registry.byName(name);
    if (this.#unsubscribe === undefined || state === undefined || this.#running.has(name)) return;
    this.#wakeAt(state.health.nextCheckAt);
  }

  #wakeAt(time: number): void {
    if (time >= (this.#alarm?.at ?? Number.POSITIVE_INFINITY)) return;
    this.#dropAlarm();
    const { clock } = this.#options;
    const delayMs = Math.min(Math.max(0, time - clock.now()), longestTimerMs);
    this.#alarm = { at: time, cancel: clock.after(delayMs, () => this.#checkDue()) };
  }

  #dropAlarm(): void {
    this.#alarm?.cancel();
    this.#alarm = undefined;
  }

  #check(name: string, isForced = false): Promise<void> {
    const underWay = this.#running.get(name);
    if (underWay !== undefined) return underWay;
    const { signal } = this.#controller;
    const check = (async () => {
      await this.#takeSlot();
      try {
        if (!signal.aborted) await this.#checkOnce(name, signal, isForced);
      } catch (error) {
        this.#options.logger.error("A health check could not be recorded", {
          endpoint: name,
          error: String(error),
        });
      } finally {
        this.#releaseSlot();
        this.#running.delete(name);
        this.#wakeFor(name);
      }
    })();
    this.#running.set(name, check);
    return check;
  }

  async #checkOnce(name: string, signal: AbortSignal, isForced: boolean): Promise<void> {
    const { registry } = this.#options;
    const permit = registry.beginProbe(name, isForced);
    const before = registry.byName(name);
    if (permit === undefined || before === undefined) return;
    const result = await this.#probe(before.endpoint, signal);
    const current = registry.byName(name);
    // Stopped, removed or moved to another URL meanwhile: the result is about something that is gone.
    if (result === undefined || current?.endpoint.url !== before.endpoint.url) return;
    registry.applyProbe(name, result, permit.token);
    // The change of status above says that something is wrong; this says what to do about it, once.
    if (result.explanation !== undefined && before.health.consecutiveFailures === 0) {
      const fields = { endpoint: name, error: result.failure, help: helpForFailure(result) };
      this.#options.logger.warn(`Endpoint ${name} ${result.explanation}`, fields);
    }
    this.#logLastingFailure(name, before.health.consecutiveFailures, result);
  }

  async #probe(endpoint: Endpoint, signal: AbortSignal): Promise<ProbeResult | undefined> {
    const { probe, clock, logger } = this.#options;
    const startedAt = clock.now();
    try {
      return await probe(endpoint, signal);
    } catch (error) {
      if (signal.aborted) return undefined;
      logger.error("A health check failed by itself", { endpoint: endpoint.name, error: String(error) });
      return judgeFailure(error, { startedAt, latencyMs: clock.now() - startedAt });
    }
  }

  #takeSlot(): Promise<void> | undefined {
    if (this.#active < this.#concurrency) {
      this.#active += 1;
      return undefined;
    }
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }

  /** A waiting check takes the slot over, so the count stays. */
  #releaseSlot(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#active -= 1;
    else next();
  }

  #logChange({ endpoint, from, to, cause }: StatusChange): void {
    const health = this.#options.registry.byName(endpoint.name)?.health;
    const fields = {
      endpoint: endpoint.name,
      from,
      to,
      cause,
      failures: health?.consecutiveFailures,
      latency_ms: cause === "probe" ? roundTenth(health?.lastLatencyMs) : undefined,
    };
    const message = `Endpoint ${endpoint.name} is ${to}`;
    if (to === "healthy") this.#options.logger.info(message, fields);
    else this.#options.logger.warn(message, fields);
  }

  #logLastingFailure(name: string, failuresBefore: number, result: ProbeResult): void {
    const health = this.#options.registry.byName(name)?.health;
    if (health === undefined || health.consecutiveFailures <= failuresBefore) return;
    if (health.consecutiveFailures % reportEveryFailures !== 0) return;
    this.#options.logger.warn(`Endpoint ${name} is still ${health.status}`, {
      endpoint: name,
      status: health.status,
      failures: health.consecutiveFailures,
      http_status: result.httpStatus,
      error: result.failure,
      help: helpForFailure(result),
    });
  }
}

/** Probes fail in the same ways as requests, and in some that have no page. */
function helpForFailure({ failure }: ProbeResult): string | undefined {
  return failure !== undefined && isErrorCode(failure) ? helpFor(failure) : undefined;
}

function roundTenth(value: number | undefined): number | undefined {
  return value === undefined ? undefined : Math.round(value * 10) / 10;
}
