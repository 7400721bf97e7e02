import { within } from "../../support/wait-until.ts";
import type { Answer } from "./answer.ts";
import type { Turn } from "./turn.ts";

/** The model of a subagent: answers only when the other subagent has asked as well. */
export class SubtaskModel {
  readonly words = ["alpha", "omega"] as const;
  readonly #bothAsked = Promise.withResolvers<void>();
  readonly #asked = new Set<string>();

  prompt(word: string): string {
    return `Subtask ${word}`;
  }

  /** The answer to a subagent; undefined when it is not one that asks. */
  async answer(turn: Turn): Promise<Answer | undefined> {
    const word = /Subtask (\w+)/.exec(turn.userTexts.join("\n"))?.[1];
    if (word === undefined) return undefined;
    this.#asked.add(word);
    if (this.#asked.size === this.words.length) this.#bothAsked.resolve();
    await within(this.#bothAsked.promise, 20_000, "the other subtask is asked for as well");
    return { text: `${word} has ${word.length} letters` };
  }

  /** Reports in a text, in the order of the words. */
  reportsIn(text: string): string[] {
    return this.words.flatMap((word) => new RegExp(`${word} has \\d letters`).exec(text)?.[0] ?? []);
  }
}
