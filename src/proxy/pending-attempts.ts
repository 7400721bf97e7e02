import type { OllaError } from "../errors.ts";

type Abort = (reason: OllaError) => void;

/**
 * Attempts that have not seen a byte of their answer yet, by endpoint. A machine that lost power looks like one that
 * is thinking; when its probes say that it is gone, these are the requests that wait in vain.
 */
export class PendingAttempts {
  readonly #byEndpoint = new Map<string, Set<Abort>>();

  /** The returned function takes the attempt out again; it may be called twice. */
  add(endpointName: string, abort: Abort): () => void {
    const attempts = this.#byEndpoint.get(endpointName) ?? new Set();
    this.#byEndpoint.set(endpointName, attempts);
    attempts.add(abort);
    return () => {
      if (attempts.delete(abort) && attempts.size === 0 && this.#byEndpoint.get(endpointName) === attempts) {
        this.#byEndpoint.delete(endpointName);
      }
    };
  }

  /** @returns how many were aborted */
  abortAll(endpointName: string, reason: OllaError): number {
    const attempts = [...(this.#byEndpoint.get(endpointName) ?? [])];
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
