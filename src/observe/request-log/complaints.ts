import type { Clock } from "../../lib/clock.ts";
import type { LogFields, Logger } from "../../lib/log.ts";

const quietMs = 60_000;

/** Says that something does not work at most once a minute, and once that it works again. */
export class Complaints {
  readonly #logger: Pick<Logger, "warn" | "info">;
  readonly #clock: Pick<Clock, "now">;
  #saidAt = Number.NEGATIVE_INFINITY;
  #isOpen = false;

  constructor(logger: Pick<Logger, "warn" | "info">, clock: Pick<Clock, "now">) {
    this.#logger = logger;
    this.#clock = clock;
  }

  raise(message: string, fields: LogFields): void {
    const now = this.#clock.now();
    if (now - this.#saidAt < quietMs) return;
    this.#saidAt = now;
    this.#isOpen = true;
    this.#logger.warn(message, fields);
  }

  /** Says nothing where nothing had been said. */
  settle(message: string, fields: LogFields): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#logger.info(message, fields);
  }
}
