import { Argument, type Command } from "commander";
import type { Terminal } from "./terminal.ts";

const shells = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof shells)[number];

/** Adds `completion`, which prints what a shell loads, and `complete`, which that calls at every Tab. */
export function addCompletion(program: Command, terminal: Terminal): void {
  program
    .command("completion")
    .description("print the completions of a shell, for it to load")
    .addArgument(new Argument("<shell>", "which one").choices(shells))
    .action(async (shell: Shell) => {
      const { completionScripts } = await import("./completion-scripts.ts");
      terminal.out(completionScripts[shell]);
    });
  program
    .command("complete", { hidden: true })
    .description("tell a shell what may stand in the place of the last word")
    .argument("[words...]")
    .action(async (words: readonly string[]) => {
      const { complete } = await import("./completions.ts");
      const { candidates, also } = complete(program, words);
      terminal.out([also, ...candidates.map(({ text, about }) => `${text}\t${about}`), ""].join("\n"));
    });
}
