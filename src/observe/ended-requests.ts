import { isTraffic } from "./live-rates.ts";
import type { Outcome } from "./outcome.ts";
import { type RequestRow, toRequestRow } from "./request-row.ts";

/** More in one go nobody can read; the request log has them all. */
const mostKept = 50;

export interface EndedBatch {
  /** In the order in which they ended; of too many, the last ones. */
  readonly requests: readonly RequestRow[];
  /** How many there were besides. */
  readonly omitted: number;
}

/** The requests that ended since somebody last asked. Costs nothing while nobody wants them. */
export class EndedRequests {
  #outcomes: Outcome[] = [];
  #omitted = 0;
  #isWanted = false;

  /** Forgets what there is when nobody wants it any more. */
  want(isWanted: boolean): void {
    this.#isWanted = isWanted;
    if (!isWanted) this.take();
  }

  record(outcome: Outcome): void {
    if (!this.#isWanted || !isTraffic(outcome)) return;
    // A batch of twice the size is cut to size now and then, so that one more costs nothing.
    if (this.#outcomes.length >= 2 * mostKept) this.#trim();
    this.#outcomes.push(outcome);
  }

  take(): EndedBatch {
    this.#trim();
    const batch = { requests: this.#outcomes.map(toRequestRow), omitted: this.#omitted };
    this.#outcomes = [];
    this.#omitted = 0;
    return batch;
  }

  #trim(): void {
    const excess = this.#outcomes.length - mostKept;
    if (excess <= 0) return;
    this.#outcomes = this.#outcomes.slice(excess);
    this.#omitted += excess;
  }
}
