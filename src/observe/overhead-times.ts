import { Histogram, type HistogramView } from "./histogram.ts";
import { overheadLayout, queueLayout } from "./histogram-layouts.ts";
import type { Outcome } from "./outcome.ts";

/** Where a request's time went before it was sent. `parse`: from the whole body to the answer to what it asks for. */
export type OverheadPhase = "parse" | "route" | "queue";

/** What Olla takes of a request's time, and how long requests wait for a place. */
export class OverheadTimes {
  readonly #parse = new Histogram(overheadLayout);
  readonly #route = new Histogram(overheadLayout);
  readonly #queue = new Histogram(queueLayout);
  readonly #waits = new Map<string, Histogram>();

  add(outcome: Outcome, hasSeries: (endpoint: string) => boolean): void {
    const { milestones, attempts, queueMs } = outcome;
    if (milestones !== undefined) {
      const { bodyMs, inspectedMs, routedMs } = milestones;
      if (inspectedMs > 0) this.#parse.observe(inspectedMs - bodyMs);
      if (routedMs !== undefined) this.#route.observe(routedMs - inspectedMs);
    }
    if (attempts.length > 0) this.#queue.observe(queuedMsOf(outcome));
    for (const { endpoint, queuedMs } of attempts)
      if (queuedMs) this.#noteWait(endpoint, queuedMs, hasSeries);
    const last = attempts.at(-1);
    if (last !== undefined && last.queuedMs === undefined && queueMs > 0) {
      this.#noteWait(last.endpoint, queueMs, hasSeries);
    }
  }

  phases(): readonly { readonly phase: OverheadPhase; readonly times: HistogramView }[] {
    return [
      { phase: "parse", times: this.#parse },
      { phase: "queue", times: this.#queue },
      { phase: "route", times: this.#route },
    ];
  }

  /** By endpoint: how long those waited who had to. */
  waits(): readonly { readonly endpoint: string; readonly times: HistogramView }[] {
    return [...this.#waits]
      .map(([endpoint, times]) => ({ endpoint, times }))
      .sort((left, right) => (left.endpoint < right.endpoint ? -1 : 1));
  }

  retainEndpoints(names: ReadonlySet<string>): void {
    for (const name of this.#waits.keys()) if (!names.has(name)) this.#waits.delete(name);
  }

  #noteWait(endpoint: string, milliseconds: number, hasSeries: (endpoint: string) => boolean): void {
    if (!hasSeries(endpoint)) return;
    const times = this.#waits.get(endpoint) ?? new Histogram(queueLayout);
    this.#waits.set(endpoint, times);
    times.observe(milliseconds);
  }
}

function queuedMsOf({ attempts, queueMs }: Outcome): number {
  const sum = attempts.reduce((total, { queuedMs }) => total + (queuedMs ?? 0), 0);
  return Math.max(sum, queueMs);
}
