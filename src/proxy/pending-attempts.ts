import type { OllaError } from "../errors.ts";
import { Slots } from "../lib/slots.ts";
import type { Abortable } from "./cancellation.ts";

/**
 * Attempts that have not seen a byte of their answer yet, by endpoint. A machine that lost power looks like one that
 * is thinking; when its probes say that it is gone, these are the requests that wait in vain.
 */
export class PendingAttempts {
  readonly #byEndpoint = new Map<string, Slots<Abortable>>();

  /** The returned function takes the attempt out again; it may be called twice. */
  add(endpointName: string, attempt: Abortable): () => void {
    let slots = this.#byEndpoint.get(endpointName);
    if (slots === undefined) {
      slots = new Slots();
      this.#byEndpoint.set(endpointName, slots);
    }
    const attempts = slots;
    let slot: number | undefined = attempts.add(attempt);
    return () => {
      if (slot === undefined) return;
      attempts.remove(slot);
      slot = undefined;
    };
  }

  /** @returns how many were aborted */
  abortAll(endpointName: string, reason: OllaError): number {
    const attempts = this.#byEndpoint.get(endpointName)?.all() ?? [];
    for (const attempt of attempts) attempt.abort(reason);
    return attempts.length;
  }

  /** All of them, at every endpoint. */
  get size(): number {
    let size = 0;
    for (const attempts of this.#byEndpoint.values()) size += attempts.size;
    return size;
  }
}
