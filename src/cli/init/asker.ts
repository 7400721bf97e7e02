import { createInterface } from "node:readline/promises";

/** Somebody who answers questions. */
export interface Asker {
  /**
   * @param question without what is put behind it
   * @returns the answer without spaces around it; empty for none
   * @throws AskingEnded when nobody will answer any more
   */
  ask(question: string): Promise<string>;
  close(): void;
}

/** Ctrl-C, or the end of the input. */
export class AskingEnded extends Error {
  readonly isInterrupt: boolean;

  constructor(isInterrupt: boolean) {
    super(isInterrupt ? "interrupted" : "the input ended");
    this.name = "AskingEnded";
    this.isInterrupt = isInterrupt;
  }
}

/** Asks on the process's own terminal. */
export function askOnTerminal(): Asker {
  const lines = createInterface({ input: process.stdin, output: process.stdout });
  const ended = Promise.withResolvers<never>();
  ended.promise.catch(() => {});
  lines.on("SIGINT", () => {
    ended.reject(new AskingEnded(true));
    lines.close();
  });
  lines.on("close", () => ended.reject(new AskingEnded(false)));
  return {
    async ask(question) {
      const answer = await Promise.race([lines.question(`${question} `), ended.promise]);
      return answer.trim();
    },
    close: () => lines.close(),
  };
}
