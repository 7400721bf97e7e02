import type { Clock } from "../lib/clock.ts";
import type { Model } from "./model.ts";

export interface RemovalGraceOptions {
  /** Milliseconds that a model stays after the first list without it; 0: none. */
  readonly graceMs: number;
  readonly clock: Clock;
  /** Called when the oldest of the missing models has been missing for long enough. */
  readonly onOver: () => void;
}

/**
 * The models of one endpoint that its lists no longer have. A backend that restarts may answer with an empty list
 * before it has read its models; a request in between must not be told that there is no such model.
 */
export class RemovalGrace {
  readonly #options: RemovalGraceOptions;
  /** Name to the end of its grace on the clock's monotonic scale, oldest first. */
  readonly #missing = new Map<string, number>();
  readonly #denied = new Set<string>();
  #cancelTimer: (() => void) | undefined;

  constructor(options: RemovalGraceOptions) {
    this.#options = options;
  }

  /** Whether the endpoint's last list did not have it, and it was kept all the same. */
  isMissing(name: string): boolean {
    return this.#missing.has(name);
  }

  /** The endpoint itself has said that it has no such model: the next list without it is believed at once. */
  deny(name: string): void {
    this.#denied.add(name);
  }

  /** Those of `known` that stay although the new list is without them. Call it for every list that was read. */
  keepMissing(known: readonly Model[], listed: readonly Model[]): readonly Model[] {
    const { graceMs, clock } = this.#options;
    const listedNames = new Set(listed.map(({ name }) => name));
    const ends = new Map<string, number>();
    const kept = known.filter(({ name }) => {
      if (listedNames.has(name) || this.#denied.has(name)) return false;
      const end = this.#missing.get(name) ?? clock.now() + graceMs;
      if (end <= clock.now()) return false;
      ends.set(name, end);
      return true;
    });
    this.#denied.clear();
    this.#missing.clear();
    for (const [name, end] of [...ends].sort(([, left], [, right]) => left - right)) {
      this.#missing.set(name, end);
    }
    this.#schedule();
    return kept;
  }

  /** Nothing is missing any more; no call comes. */
  clear(): void {
    this.#missing.clear();
    this.#denied.clear();
    this.#schedule();
  }

  #schedule(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    const [first] = this.#missing.values();
    if (first === undefined) return;
    const { clock, onOver } = this.#options;
    this.#cancelTimer = clock.after(first - clock.now(), () => {
      this.#cancelTimer = undefined;
      onOver();
    });
  }
}
