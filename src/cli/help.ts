import { type Command, Help, type Option } from "commander";
import { exitCodes } from "./exit-codes.ts";

const standard = new Help();

/** Makes every help page fit a screen of 80 by 24: the usage and what it is for on top, options of all levels in one list. */
export function shapeHelp(program: Command): void {
  const codes = Object.entries(exitCodes).map(([code, { name }]) => `${code} ${name}`);
  program
    .helpOption("-h, --help", "show this")
    .helpCommand(true)
    .configureHelp({
      commandUsage: (command) => `${standard.commandUsage(command)}\n${command.description()}`,
      commandDescription: () => "",
      visibleOptions,
      visibleCommands: (command) =>
        standard.visibleCommands(command).filter((visible) => visible.name() !== "help"),
      subcommandTerm: (command) =>
        `${command.name()} ${command.usage()}`.replaceAll(/ \[(options|command)\]/g, ""),
    })
    .addHelpText("after", `\nExit codes: ${codes.join(", ")}`);
}

/** A command's own options, then those of the commands above it, which it takes as well. */
function visibleOptions(command: Command): Option[] {
  const own = standard.visibleOptions(command);
  const help = own.pop();
  const inherited: Option[] = [];
  for (let above = command.parent; above !== null; above = above.parent) {
    inherited.push(...above.options.filter((option) => !option.hidden));
  }
  return help === undefined ? inherited : [...own, ...inherited, help];
}
