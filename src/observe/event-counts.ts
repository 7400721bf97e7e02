import { isEndedByOthers } from "./attempt-outcome.ts";
import { LabelCounter } from "./label-counter.ts";
import type { AttemptRecord, Outcome } from "./outcome.ts";

/** Counters that only Prometheus reads. Labels in the order in which they are named here. */
export class EventCounts {
  /** ending */
  readonly endings = new LabelCounter();
  /** reason: the code of the error that a request was refused with before any attempt. */
  readonly rejections = new LabelCounter();
  /** result */
  readonly sticky = new LabelCounter();
  /** model, strategy, reason */
  readonly decisions = new LabelCounter();
  /** from, to, reason: the next attempt was made elsewhere. */
  readonly failovers = new LabelCounter();
  /** from, to, reason: the next attempt was made at the same endpoint. */
  readonly retries = new LabelCounter();
  /** endpoint, to */
  readonly transitions = new LabelCounter();

  /** @param model the name under which the request counts */
  add(outcome: Outcome, model: string, hasSeries: (endpoint: string) => boolean): void {
    const { attempts, decision, stickyOutcome } = outcome;
    this.endings.add(outcome.ending);
    if (stickyOutcome !== undefined) this.sticky.add(stickyOutcome);
    if (decision !== undefined) this.decisions.add(model, decision.strategy, reasonOf(decision));
    for (let index = 1; index < attempts.length; index++) {
      this.#addNext(attempts[index - 1], attempts[index], hasSeries);
    }
  }

  retainEndpoints(names: ReadonlySet<string>): void {
    this.transitions.forget(([endpoint = ""]) => !names.has(endpoint));
    for (const counter of [this.failovers, this.retries]) {
      counter.forget(([from = "", to = ""]) => !(names.has(from) && names.has(to)));
    }
  }

  #addNext(
    before: AttemptRecord | undefined,
    next: AttemptRecord | undefined,
    hasSeries: (endpoint: string) => boolean,
  ): void {
    if (before?.error === undefined || next === undefined || isEndedByOthers(before)) return;
    if (!hasSeries(before.endpoint) || !hasSeries(next.endpoint)) return;
    const counter = before.endpoint === next.endpoint ? this.retries : this.failovers;
    counter.add(before.endpoint, next.endpoint, before.error);
  }
}

/** An alias explains itself in a sentence, which is no label. */
function reasonOf({ reason }: NonNullable<Outcome["decision"]>): string {
  return reason.includes(" ") ? "alias_resolved" : reason;
}
