import type { Candidate } from "../balancer/balancer.ts";
import { leaveOut } from "../balancer/candidate-lists.ts";
import type { Clock } from "../lib/clock.ts";
import { parseRetryAfter } from "../lib/retry-after.ts";

export interface CooldownSettings {
  readonly clock: Clock;
  /** Longest time that an endpoint is believed. */
  readonly maxMs: number;
}

/** The part of an answer that says when to come back. */
export interface CooldownAnswer {
  readonly status: number;
  readonly headers: { get(name: string): string | null };
}

export interface ActiveCooldown {
  readonly endpointName: string;
  /** In lower case; undefined when the whole endpoint is left alone. */
  readonly model: string | undefined;
  readonly remainingMs: number;
}

interface Cooldown {
  /** Monotonic; in the past when only models cool. */
  until: number;
  readonly untilByModel: Map<string, number>;
}

/** Model names come from clients, so their number has to end somewhere. */
const maxModelsPerEndpoint = 256;

/** Endpoints, and models at an endpoint, that asked to be left alone for a while. Nothing is kept once that is over. */
export class Cooldowns {
  readonly #clock: Clock;
  readonly #maxMs: number;
  readonly #cooling = new Map<string, Cooldown>();

  constructor({ clock, maxMs }: CooldownSettings) {
    this.#clock = clock;
    this.#maxMs = maxMs;
  }

  /**
   * To be called with every answer that counts as a failed attempt. A 429 is about the model when there is one, anything
   * else about the endpoint. An answer that names no time changes nothing: to fail over is enough.
   * @returns how long to stay away, in milliseconds; undefined when the answer does not say
   */
  note(endpointName: string, model: string | undefined, answer: CooldownAnswer): number | undefined {
    const waitMs = readWait(answer, this.#clock.wallTime());
    if (waitMs === undefined || waitMs <= 0) return undefined;
    const cappedMs = Math.min(waitMs, this.#maxMs);
    const now = this.#clock.now();
    const cooldown = this.#cooling.get(endpointName) ?? {
      until: Number.NEGATIVE_INFINITY,
      untilByModel: new Map<string, number>(),
    };
    this.#cooling.set(endpointName, cooldown);
    // Never shortened: what answers come in while it lasts were asked for before.
    if (answer.status === 429 && model !== undefined) {
      const key = model.toLowerCase();
      const until = Math.max(now + cappedMs, cooldown.untilByModel.get(key) ?? 0);
      makeRoom(cooldown.untilByModel, key, now);
      cooldown.untilByModel.set(key, until);
    } else {
      cooldown.until = Math.max(cooldown.until, now + cappedMs);
    }
    return cappedMs;
  }

  /** The monotonic time until which this endpoint is not to be asked for this model; undefined when it may be now. */
  untilOf(endpointName: string, model: string | undefined): number | undefined {
    if (this.#cooling.size === 0) return undefined;
    const cooldown = this.#cooling.get(endpointName);
    if (cooldown === undefined) return undefined;
    const now = this.#clock.now();
    let until = cooldown.until;
    if (model !== undefined && cooldown.untilByModel.size > 0) {
      const key = model.toLowerCase();
      const modelUntil = cooldown.untilByModel.get(key);
      if (modelUntil !== undefined && modelUntil <= now) cooldown.untilByModel.delete(key);
      else if (modelUntil !== undefined) until = Math.max(until, modelUntil);
    }
    if (until > now) return until;
    if (cooldown.until <= now && cooldown.untilByModel.size === 0) this.#cooling.delete(endpointName);
    return undefined;
  }

  /** Those that may be asked now. The very same list when that is all of them. */
  ready(candidates: readonly Candidate[]): readonly Candidate[] {
    return leaveOut(
      candidates,
      this.#cooling,
      ({ endpoint, model }) => this.untilOf(endpoint.name, model) !== undefined,
    );
  }

  /** Milliseconds until the first of these may be asked; 0 when one may be now, or when there is none. */
  smallestRemainingMs(candidates: readonly Candidate[]): number {
    const now = this.#clock.now();
    let smallest = Number.POSITIVE_INFINITY;
    for (const { endpoint, model } of candidates) {
      const until = this.untilOf(endpoint.name, model);
      if (until === undefined) return 0;
      smallest = Math.min(smallest, until - now);
    }
    return Number.isFinite(smallest) ? smallest : 0;
  }

  /** For the status routes. */
  active(): readonly ActiveCooldown[] {
    const now = this.#clock.now();
    const found: ActiveCooldown[] = [];
    for (const [endpointName, { until, untilByModel }] of this.#cooling) {
      if (until > now) found.push({ endpointName, model: undefined, remainingMs: until - now });
      for (const [model, modelUntil] of untilByModel) {
        if (modelUntil > now) found.push({ endpointName, model, remainingMs: modelUntil - now });
      }
    }
    return found;
  }

  /** For an endpoint that is another one under the same name, or was seen to be well again. */
  forget(endpointName: string): void {
    this.#cooling.delete(endpointName);
  }

  retainEndpoints(endpointNames: Iterable<string>): void {
    const kept = new Set(endpointNames);
    for (const name of this.#cooling.keys()) if (!kept.has(name)) this.#cooling.delete(name);
  }
}

/** `retry-after-ms` is what OpenAI's own clients prefer to `Retry-After`. */
function readWait({ headers }: CooldownAnswer, wallTime: number): number | undefined {
  const milliseconds = headers.get("retry-after-ms")?.trim() ?? "";
  if (/^\d+(\.\d+)?$/.test(milliseconds)) return Number(milliseconds);
  return parseRetryAfter(headers.get("retry-after"), wallTime);
}

/** What is over goes first, then what has been there longest. */
function makeRoom(untilByModel: Map<string, number>, key: string, now: number): void {
  if (untilByModel.size < maxModelsPerEndpoint || untilByModel.has(key)) return;
  for (const [model, until] of untilByModel) if (until <= now) untilByModel.delete(model);
  const [oldest] = untilByModel.keys();
  if (oldest !== undefined && untilByModel.size >= maxModelsPerEndpoint) untilByModel.delete(oldest);
}
