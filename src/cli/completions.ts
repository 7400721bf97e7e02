import { Argument, type Command, type Help, type Option } from "commander";

/** What may stand where the cursor is. */
export interface Completions {
  readonly candidates: readonly Candidate[];
  /** What else a shell should offer, by itself. */
  readonly also: "nothing" | "files" | "folders";
}

interface Candidate {
  readonly text: string;
  /** One line, for shells that show it; may be empty. */
  readonly about: string;
}

/** Where the words before the cursor lead to. */
interface Position {
  readonly command: Command;
  /** Arguments of the command that have been given. */
  readonly argumentCount: number;
  /** The option whose value comes next. */
  readonly option: Option | undefined;
  /** Whether `--` was said: then nothing is an option any more. */
  readonly onlyArguments: boolean;
}

const nothing: Completions = { candidates: [], also: "nothing" };

/**
 * All of it is read from the tree of commands, so a new command or option is completed without a word about it here.
 * @param words what was typed behind `olla`; the last one is the one under the cursor and may be empty
 */
export function complete(program: Command, words: readonly string[]): Completions {
  const current = words.at(-1) ?? "";
  const position = follow(program, words.slice(0, -1));
  const { command, option, onlyArguments } = position;
  if (option !== undefined) return matching(valuesOf(option), current);
  if (onlyArguments || !current.startsWith("-")) return matching(argumentsAt(position), current);
  const equalsAt = current.indexOf("=");
  if (equalsAt < 0) return matching({ candidates: optionsOf(command), also: "nothing" }, current);
  const asked = findOption(command, current.slice(0, equalsAt));
  if (asked === undefined || !takesValue(asked)) return nothing;
  const { candidates, also } = valuesOf(asked);
  const whole = candidates.map(({ text, about }) => ({ text: current.slice(0, equalsAt + 1) + text, about }));
  return matching({ candidates: whole, also }, current);
}

function follow(program: Command, words: readonly string[]): Position {
  let position: Position = {
    command: program,
    argumentCount: 0,
    option: undefined,
    onlyArguments: false,
  };
  for (const word of words) position = step(position, word);
  return position;
}

function step(position: Position, word: string): Position {
  const { command, argumentCount, option, onlyArguments } = position;
  if (option !== undefined) return { ...position, option: undefined };
  if (onlyArguments || !word.startsWith("-")) {
    const below = onlyArguments ? undefined : findCommand(command, word);
    if (below !== undefined) return { ...position, command: below, argumentCount: 0 };
    // `olla help status` shows what `olla status --help` does.
    return word === helpWord ? position : { ...position, argumentCount: argumentCount + 1 };
  }
  if (word === "--") return { ...position, onlyArguments: true };
  const said = findOption(command, word);
  return said !== undefined && takesValue(said) ? { ...position, option: said } : position;
}

function argumentsAt({ command, argumentCount }: Position): Completions {
  if (argumentCount === 0 && command.commands.length > 0) {
    return { candidates: commandsOf(command), also: "nothing" };
  }
  const taken = command.registeredArguments;
  const last = taken.at(-1);
  const argument = taken[argumentCount] ?? (last?.variadic === true ? last : undefined);
  return argument === undefined ? nothing : valuesOf(argument);
}

function commandsOf(command: Command): readonly Candidate[] {
  const help: Help = command.createHelp();
  return help
    .visibleCommands(command)
    .map((visible) => ({ text: visible.name(), about: help.subcommandDescription(visible) }));
}

function optionsOf(command: Command): readonly Candidate[] {
  return command
    .createHelp()
    .visibleOptions(command)
    .flatMap(({ long, short, description }) =>
      [long, short].flatMap((text) => (text == null ? [] : [{ text, about: description }])),
    );
}

/** Choices, or what the name of the value in the help says: `<file>`, `[folder]`. */
function valuesOf(taker: Option | Argument): Completions {
  const { argChoices } = taker;
  if (argChoices !== undefined)
    return { candidates: argChoices.map((text) => ({ text, about: "" })), also: "nothing" };
  const value = taker instanceof Argument ? taker.name() : taker.flags.replace(/^.*[<[]|[>\]].*$/g, "");
  const also = /^(file|path)/.test(value) ? "files" : /^(folder|dir)/.test(value) ? "folders" : "nothing";
  return { candidates: [], also };
}

function matching({ candidates, also }: Completions, current: string): Completions {
  return { candidates: candidates.filter(({ text }) => text.startsWith(current)), also };
}

function findCommand(command: Command, word: string): Command | undefined {
  return command.commands.find((each) => each.name() === word || each.aliases().includes(word));
}

/** In the command or above it, where options of all hold. */
function findOption(command: Command, word: string): Option | undefined {
  for (let level: Command | null = command; level !== null; level = level.parent) {
    const found = level.options.find(({ long, short }) => long === word || short === word);
    if (found !== undefined) return found;
  }
  return undefined;
}

function takesValue({ required, optional }: Option): boolean {
  return required || optional;
}

const helpWord = "help";
