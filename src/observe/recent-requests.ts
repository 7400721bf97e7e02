import type { Outcome } from "./outcome.ts";
import {
  compileFilter,
  type FoundRequest,
  mostOthers,
  type RequestPage,
  type RequestQuestion,
  readCursor,
  writeCursor,
} from "./request-history.ts";
import { type RequestRow, toDecisionTrace, toRequestRow } from "./request-row.ts";

const defaultCapacity = 200;

/** The last requests, in memory. Outcomes are kept as they are: rows are made when somebody asks for them. */
export class RecentRequests {
  readonly #kept: Outcome[] = [];
  readonly #capacity: number;
  /** All that there ever were: the number of the newest. */
  #count = 0;

  constructor(capacity = defaultCapacity) {
    this.#capacity = capacity;
  }

  add(outcome: Outcome): void {
    this.#kept[this.#count % this.#capacity] = outcome;
    this.#count += 1;
  }

  /**
   * Explains now what would be explained when somebody asks: to be called before what the explanations are made from
   * changes. What they were made from is let go.
   */
  settle(): void {
    for (const { considered } of this.#kept) considered?.();
  }

  /** @throws OllaError invalid_request */
  list({ filter, limit, before }: RequestQuestion): RequestPage {
    const matches = compileFilter(filter);
    const requests: RequestRow[] = [];
    let last = 0;
    for (const [position, outcome] of this.#newestFirst(readCursor("memory", before))) {
      const row = toRequestRow(outcome);
      if (!matches(row)) continue;
      if (requests.length === limit) {
        return { source: "memory", requests, next: writeCursor("memory", last) };
      }
      requests.push(row);
      last = position;
    }
    return { source: "memory", requests, next: null };
  }

  find(id: string): FoundRequest | undefined {
    const found = [...this.#newestFirst(Number.POSITIVE_INFINITY)]
      .map(([, outcome]) => outcome)
      .filter(({ requestId }) => requestId === id);
    const [outcome] = found;
    if (outcome === undefined) return undefined;
    const others = Math.min(found.length - 1, mostOthers);
    return { request: toRequestRow(outcome), trace: toDecisionTrace(outcome), others };
  }

  *#newestFirst(before: number): Generator<[position: number, outcome: Outcome]> {
    const oldest = Math.max(1, this.#count - this.#capacity + 1);
    for (let position = Math.min(this.#count, before - 1); position >= oldest; position -= 1) {
      const outcome = this.#kept[(position - 1) % this.#capacity];
      if (outcome !== undefined) yield [position, outcome];
    }
  }
}
