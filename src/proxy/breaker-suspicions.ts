/** Something bad that counts only if a probe made afterwards confirms it. */
export interface Suspicion {
  readonly model: string | undefined;
  /** Monotonic milliseconds. */
  readonly notedAt: number;
  /** How many openings the endpoint's breakers had seen by then. */
  readonly openings: number;
}

const mostSuspicions = 100;

/** Suspicions against one endpoint, bounded: the oldest go first. */
export class Suspicions {
  #noted: Suspicion[] = [];

  note(suspicion: Suspicion): void {
    if (this.#noted.length >= mostSuspicions) this.#noted.shift();
    this.#noted.push(suspicion);
  }

  /** Takes out what was noted before a probe began. */
  takeUntil(probeStartedAt: number): readonly Suspicion[] {
    if (this.#noted.length === 0) return this.#noted;
    const due = this.#noted.filter((suspicion) => suspicion.notedAt <= probeStartedAt);
    this.#noted = this.#noted.filter((suspicion) => suspicion.notedAt > probeStartedAt);
    return due;
  }
}
