import { OllaError } from "../errors.ts";

/** What can be ended while it is under way. */
export interface Abortable {
  abort(reason: OllaError): void;
}

/**
 * By which an operator ends one request. What is under way for it puts itself in here and takes itself out again, so a
 * request that nobody cancels costs no signal of its own.
 */
export class Cancellation {
  #reason: OllaError | undefined;
  #work: Abortable | undefined;

  /** Undefined while nobody has cancelled. */
  get reason(): OllaError | undefined {
    return this.#reason;
  }

  /** A request does one thing at a time: a later call takes the place of an earlier one. */
  begin(work: Abortable): void {
    this.#work = work;
    if (this.#reason !== undefined) work.abort(this.#reason);
  }

  /** May be called twice, and after others have begun. */
  end(work: Abortable): void {
    if (this.#work === work) this.#work = undefined;
  }

  /** Only the first call counts. */
  cancel(reason = new OllaError("cancelled", "The operator of this proxy has cancelled the request")): void {
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    this.#work?.abort(reason);
  }

  /** @throws OllaError `cancelled` */
  throwIfCancelled(): void {
    if (this.#reason !== undefined) throw this.#reason;
  }
}
