import { expect, test } from "bun:test";
import { Argument, Command, Option } from "commander";
import { complete } from "./completions.ts";
import { shapeHelp } from "./help.ts";
import { createProgram } from "./program.ts";

const tree = new Command("olla")
  .option("-c, --config <file>")
  .option("--version")
  .addOption(new Option("--secret").hideHelp());
// First: the commands below take it over.
shapeHelp(tree);
tree
  .command("list")
  .alias("ls")
  .option("--format <format>")
  .addOption(new Option("--order <order>").choices(["up", "down"]))
  .option("--into <folder>")
  .argument("[names...]");
tree
  .command("kind")
  .addArgument(new Argument("<kind>").choices(["one", "other"]))
  .argument("[file]");
tree.command("inner").command("most").option("--deep");
tree.command("hidden", { hidden: true }).option("--seen");

function offered(...words: string[]): string[] {
  const { candidates, also } = complete(tree, words);
  return [...candidates.map(({ text }) => text), ...(also === "nothing" ? [] : [also])];
}

test.each<[string[], string[]]>([
  [[""], ["list", "kind", "inner"]],
  [["li"], ["list"]],
  [["xyz"], []],
  [["hid"], []],
  [["hidden", "--s"], ["--seen"]],
  [["inner", ""], ["most"]],
  [
    ["inner", "most", "--"],
    ["--deep", "--config", "--version", "--help"],
  ],
  [["help", "in"], ["inner"]],
  [["help", "inner", "m"], ["most"]],
  [["--"], ["--config", "--version", "--help"]],
  [["-"], ["--config", "-c", "--version", "--help", "-h"]],
  [["--sec"], []],
  [["list", "--o"], ["--order"]],
  [["ls", "--o"], ["--order"]],
  [
    ["list", "--order", ""],
    ["up", "down"],
  ],
  [["list", "--order", "d"], ["down"]],
  [["list", "--order=d"], ["--order=down"]],
  [["list", "--order", "up", "--in"], ["--into"]],
  [["list", "--order=up", "--in"], ["--into"]],
  [["list", "--format", ""], []],
  [["list", "--into", ""], ["folders"]],
  [["list", "--config", "x"], ["files"]],
  [["list", "--config=x"], ["files"]],
  [["list", "-c", "x"], ["files"]],
  [["--config", "list", "ki"], ["kind"]],
  [["--version=x"], []],
  [["--unknown=x"], []],
  [
    ["kind", ""],
    ["one", "other"],
  ],
  [["kind", "one", ""], ["files"]],
  [["kind", "one", "x", ""], []],
  [["list", "a", "b", ""], []],
  [["list", "--", "--o"], []],
  [[], ["list", "kind", "inner"]],
])("behind %p there may be %p", (words, expected) => expect(offered(...words)).toEqual(expected));

test("every visible command and option of Olla is offered, with what it is about", () => {
  const program = createProgram(
    {
      terminal: { out() {}, err() {}, env: {}, cwd: "", isScreen: false, exitNow() {} },
      build: { version: "1", commit: "", date: "" },
      start: () => Promise.resolve(0),
    },
    () => undefined,
  );
  let looked = 0;
  const look = (command: Command, path: readonly string[]): void => {
    const help = command.createHelp();
    const names = new Set(complete(program, [...path, ""]).candidates.map(({ text }) => text));
    const options = complete(program, [...path, "--"]).candidates;
    for (const { long } of help.visibleOptions(command)) {
      expect(options.find(({ text }) => text === long)?.about).toMatch(/./);
      looked++;
    }
    for (const below of help.visibleCommands(command)) {
      expect(names).toContain(below.name());
      looked++;
      look(below, [...path, below.name()]);
    }
  };
  look(program, []);
  expect(looked).toBeGreaterThan(40);
});
