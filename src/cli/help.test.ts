import { describe, expect, test } from "bun:test";
import { stringWidth } from "bun";
import type { Command } from "commander";
import { exitCodes } from "./exit-codes.ts";
import { createProgram } from "./program.ts";
import { runCommand } from "./run.ts";
import type { Terminal } from "./terminal.ts";

const build = { version: "1.2.3", commit: "abc", date: "today" };

function screen(columns: number) {
  let shown = "";
  const terminal: Terminal = {
    out: (text) => {
      shown += text;
    },
    err: () => undefined,
    env: {},
    cwd: import.meta.dir,
    isScreen: true,
    size: () => ({ columns, rows: 24 }),
    exitNow: () => undefined,
  };
  return { terminal, shown: () => shown };
}

async function helpOf(path: readonly string[], columns = 80): Promise<string> {
  const { terminal, shown } = screen(columns);
  expect(await runCommand([...path, "--help"], terminal, build)).toBe(0);
  return shown();
}

/** The ways to all commands, hidden ones included. */
function pathsBelow(command: Command): string[][] {
  return [[], ...command.commands.flatMap((each) => pathsBelow(each).map((path) => [each.name(), ...path]))];
}

const program = createProgram(
  { terminal: screen(80).terminal, build, start: () => Promise.resolve(0) },
  () => undefined,
);

describe.each(pathsBelow(program).map((path) => ({ path, name: ["olla", ...path].join(" ") })))(
  "the help of $name",
  ({ path }) => {
    test("fits a screen of 80 by 24", async () => {
      const help = await helpOf(path);
      const lines = help.trimEnd().split("\n");
      expect(lines.filter((line) => stringWidth(line) > 80)).toEqual([]);
      expect(lines.length).toBeLessThanOrEqual(24);
    });

    test("says what it is for, and has no colours even on a screen", async () => {
      const help = await helpOf(path);
      expect(help).toStartWith(`Usage: ${["olla", ...path].join(" ")}`);
      expect(help.split("\n")[1]).toMatch(/^\S.+/);
      expect(help).not.toContain("\u001b");
    });
  },
);

test("help is broken into lines as wide as the screen", async () => {
  const wide = await helpOf(["requests"], 120);
  const narrow = await helpOf(["requests"], 66);
  expect(narrow.split("\n").length).toBeGreaterThan(wide.split("\n").length);
});

test("the first page ends with the exit codes, the others have the option that all commands take", async () => {
  const first = await helpOf([]);
  for (const [code, { name }] of Object.entries(exitCodes)) expect(first).toContain(`${code} ${name}`);
  const other = await helpOf(["requests"]);
  expect(other).toContain("-c, --config <file>");
  expect(other).not.toContain("Exit codes");
});

test("every visible command is on the first page with a line of its own", async () => {
  const lines = (await helpOf([])).split("\n");
  for (const command of program.createHelp().visibleCommands(program)) {
    expect(lines.filter((line) => line.startsWith(`  ${command.name()} `))).toHaveLength(1);
  }
});
