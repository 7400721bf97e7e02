import { Argument, type Command } from "commander";
import type { Shell } from "./completion-scripts.ts";
import type { Terminal } from "./terminal.ts";

/** Adds `completion`, which prints what a shell loads, and `complete`, which that calls at every Tab. */
export function addCompletion(program: Command, terminal: Terminal): void {
  program
    .command("completion")
    .description("print the completions of a shell, for it to load")
    .addArgument(new Argument("<shell>", "which one").choices(["bash", "zsh", "fish"] satisfies Shell[]))
    .action(async (shell: Shell) => {
      const { completionScripts } = await import("./completion-scripts.ts");
      terminal.out(completionScripts[shell]);
    });
  program
    .command("complete", { hidden: true })
    .argument("[words...]")
    .action(async (words: readonly string[]) => {
      const { complete } = await import("./completions.ts");
      const { candidates, also } = complete(program, words);
      terminal.out([also, ...candidates.map(({ text, about }) => `${text}\t${about}`), ""].join("\n"));
    });
}
