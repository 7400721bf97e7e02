import { OllaError } from "../errors.ts";

type Abort = (reason: OllaError) => void;

/**
 * By which an operator ends one request. What is under way for it puts itself in here and takes itself out again, so a
 * request that nobody cancels costs no signal of its own.
 */
export class Cancellation {
  #reason: OllaError | undefined;
  #abort: Abort | undefined;

  /** Undefined while nobody has cancelled. */
  get reason(): OllaError | undefined {
    return this.#reason;
  }

  /**
   * A request does one thing at a time: a later call takes the place of an earlier one.
   * @returns what takes `abort` out again; may be called twice
   */
  during(abort: Abort): () => void {
    this.#abort = abort;
    if (this.#reason !== undefined) abort(this.#reason);
    return () => {
      if (this.#abort === abort) this.#abort = undefined;
    };
  }

  /** Only the first call counts. */
  cancel(reason = new OllaError("cancelled", "The operator of this proxy has cancelled the request")): void {
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    this.#abort?.(reason);
  }

  /** @throws OllaError `cancelled` */
  throwIfCancelled(): void {
    if (this.#reason !== undefined) throw this.#reason;
  }
}
