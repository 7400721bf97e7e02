import type { OllaError } from "../errors.ts";

type Abort = (reason: OllaError) => void;

/** Places for what comes and goes with every request: a `Set` with few members allocates anew at nearly every change. */
class Slots {
  readonly #aborts: (Abort | undefined)[] = [];
  readonly #free: number[] = [];

  add(abort: Abort): number {
    const slot = this.#free.pop() ?? this.#aborts.length;
    this.#aborts[slot] = abort;
    return slot;
  }

  remove(slot: number): void {
    this.#aborts[slot] = undefined;
    this.#free.push(slot);
  }

  get size(): number {
    return this.#aborts.length - this.#free.length;
  }

  all(): readonly Abort[] {
    return this.#aborts.filter((abort) => abort !== undefined);
  }
}

/**
 * Attempts that have not seen a byte of their answer yet, by endpoint. A machine that lost power looks like one that
 * is thinking; when its probes say that it is gone, these are the requests that wait in vain.
 */
export class PendingAttempts {
  readonly #byEndpoint = new Map<string, Slots>();

  /** The returned function takes the attempt out again; it may be called twice. */
  add(endpointName: string, abort: Abort): () => void {
    let slots = this.#byEndpoint.get(endpointName);
    if (slots === undefined) {
      slots = new Slots();
      this.#byEndpoint.set(endpointName, slots);
    }
    const attempts = slots;
    let slot: number | undefined = attempts.add(abort);
    return () => {
      if (slot === undefined) return;
      attempts.remove(slot);
      slot = undefined;
    };
  }

  /** @returns how many were aborted */
  abortAll(endpointName: string, reason: OllaError): number {
    const attempts = this.#byEndpoint.get(endpointName)?.all() ?? [];
    for (const abort of attempts) abort(reason);
    return attempts.length;
  }

  /** All of them, at every endpoint. */
  get size(): number {
    let size = 0;
    for (const attempts of this.#byEndpoint.values()) size += attempts.size;
    return size;
  }
}
