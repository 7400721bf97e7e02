/** How long a deadline at least stands in a list before it gets a timer of its own. */
const graceMs = 10;

interface Deadline {
  readonly dueAt: number;
  readonly callback: () => void;
  /** Where it stands, until it has a timer. */
  list: Deadline[] | undefined;
  index: number;
  timer: ReturnType<typeof setTimeout> | undefined;
}

/**
 * Limits that are nearly always lifted within milliseconds. Setting and clearing a timer for each costs more than all else
 * about them, so a new one only stands in a list; what is still there after 10 to 20 ms gets a timer. One timer for all
 * turns the lists over, and only while something stands in them.
 */
export class Deadlines {
  #young: Deadline[] = [];
  #older: Deadline[] = [];
  #isTurning = false;

  /**
   * Calls `callback` once, `delayMs` from now.
   * @returns what lifts it; may be called twice
   */
  add(delayMs: number, callback: () => void): () => void {
    if (delayMs < 2 * graceMs) {
      const timer = setTimeout(callback, delayMs);
      return () => clearTimeout(timer);
    }
    const list = this.#young;
    const dueAt = performance.now() + delayMs;
    const deadline: Deadline = { dueAt, callback, list, index: list.length, timer: undefined };
    list.push(deadline);
    if (!this.#isTurning) {
      this.#isTurning = true;
      setTimeout(this.#turn, graceMs);
    }
    return () => lift(deadline);
  }

  readonly #turn = (): void => {
    const due = this.#older;
    this.#older = this.#young;
    this.#young = due;
    for (const deadline of due) {
      deadline.list = undefined;
      deadline.timer = setTimeout(deadline.callback, Math.max(0, deadline.dueAt - performance.now()));
    }
    due.length = 0;
    this.#isTurning = this.#older.length > 0;
    if (this.#isTurning) setTimeout(this.#turn, graceMs);
  };
}

function lift(deadline: Deadline): void {
  const { list, index } = deadline;
  if (list === undefined) {
    clearTimeout(deadline.timer);
    return;
  }
  deadline.list = undefined;
  const last = list.pop();
  if (last === undefined || last === deadline) return;
  list[index] = last;
  last.index = index;
}
