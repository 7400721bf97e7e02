import type { Candidate } from "../balancer/balancer.ts";
import type { OllaError } from "../errors.ts";
import type { Forwarded } from "./forwarding.ts";

/** What the attempts so far have left behind. */
export class Progress {
  attempts = 0;
  /** The latest answer that an endpoint gave, kept for the case that nothing better comes. */
  lastAnswer: Forwarded | undefined = undefined;
  lastError: OllaError | undefined = undefined;
  #remaining: readonly Candidate[];
  /** Still in the list, which may have hundreds: mostly the first answer is served, and nobody asks for it again. */
  #taken: Candidate | undefined;

  constructor(candidates: readonly Candidate[]) {
    this.#remaining = candidates;
  }

  /** Candidates not tried in this round. */
  get remaining(): readonly Candidate[] {
    if (this.#taken !== undefined) {
      this.#remaining = this.#remaining.toSpliced(this.#remaining.indexOf(this.#taken), 1);
      this.#taken = undefined;
    }
    return this.#remaining;
  }

  set remaining(candidates: readonly Candidate[]) {
    this.#remaining = candidates;
    this.#taken = undefined;
  }

  /** The length of `remaining`, for less. */
  get remainingCount(): number {
    return this.#remaining.length - (this.#taken === undefined ? 0 : 1);
  }

  /** An attempt is made at it, which is one of those remaining. */
  take(candidate: Candidate): void {
    this.#remaining = this.remaining;
    this.#taken = candidate;
  }
}
