import type { ConsideredEndpoint, Outcome } from "../outcome.ts";
import { toDecisionTrace } from "../request-row.ts";

/** Writes decision traces as JSON. Requests that were decided alike share the list of endpoints, which is written once. */
export class TraceText {
  readonly #lists = new WeakMap<readonly ConsideredEndpoint[], string>();

  write(outcome: Outcome): string {
    const { candidates, ...rest } = toDecisionTrace(outcome);
    let list = this.#lists.get(candidates);
    if (list === undefined) {
      list = JSON.stringify(candidates);
      this.#lists.set(candidates, list);
    }
    // There is always a member behind it: the timings.
    return `{"candidates":${list},${JSON.stringify(rest).slice(1)}`;
  }
}
