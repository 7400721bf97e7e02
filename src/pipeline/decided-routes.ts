import type { Route } from "./route.ts";

/** More can only be made by clients that ask for names of their own invention where names restrict nothing. */
const maxKept = 1_000;
/** A path or a name may be a mebibyte long. */
const longestQuestion = 1_000;

/** What a decision was made from. Compared by identity: both are replaced whole when anything in them changes. */
export interface DecisionGround {
  /** Which of them there are, and which may be used. */
  readonly endpoints: object;
  /** What is known of their models. */
  readonly models: object;
}

/** Routes that hold as long as endpoints and models are what they are, by all else that they were decided from. */
export class DecidedRoutes {
  readonly #byQuestion = new Map<string, Route>();
  #ground: DecisionGround = { endpoints: this, models: this };

  /** @param question everything about the request that has a say */
  find(question: string, { endpoints, models }: DecisionGround): Route | undefined {
    if (endpoints === this.#ground.endpoints && models === this.#ground.models) {
      return this.#byQuestion.get(question);
    }
    this.#ground = { endpoints, models };
    this.#byQuestion.clear();
    return undefined;
  }

  /** Right after a `find` with the same ground that found nothing. */
  keep(question: string, route: Route): void {
    if (question.length > longestQuestion) return;
    if (this.#byQuestion.size >= maxKept) this.#byQuestion.clear();
    this.#byQuestion.set(question, route);
  }
}
