// What a page tells people to type exists: commands of Olla with their options, scripts of the package.
import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { CommanderError } from "commander";
import packageFile from "../../package.json" with { type: "json" };
import { normaliseArguments, UsageError } from "../../src/cli/arguments.ts";
import { createProgram } from "../../src/cli/program.ts";
import type { Terminal } from "../../src/cli/terminal.ts";
import { buildIdentity } from "../../src/lib/build-identity.ts";
import { readPages, root } from "./pages.ts";
import { readCommands, readCurl } from "./shell-commands.ts";

const pages = await readPages();
const shells = ["sh", "bash", "console", "shell"];

/** Every command of the shell blocks, and of the spans that are one. */
const commands = pages.flatMap(({ path, blocks, spans }) => [
  ...blocks
    .filter(({ language }) => shells.includes(language))
    .flatMap(({ place, text }) => readCommands(text).map((command) => ({ ...command, place }))),
  ...spans
    .filter((span) => /^(\.\/)?(olla|npm|bun) [^|=]/.test(span))
    .flatMap((span) => readCommands(span).map((command) => ({ ...command, place: path }))),
]);

class Parsed extends Error {}

/** What the parser says about a command line, without running it; `undefined` when it is fine with it. */
async function faultIn(args: readonly string[]): Promise<string | undefined> {
  let written = "";
  const write = (text: string) => {
    written += text;
  };
  const terminal: Terminal = {
    out: write,
    err: write,
    env: {},
    cwd: "/",
    isScreen: false,
    exitNow() {},
  };
  const program = createProgram({ terminal, build: buildIdentity, start: async () => 0 }, () => undefined);
  program.hook("preAction", (_, command) => {
    if (command === program && program.args.length > 0) throw new UsageError(`no command ${program.args[0]}`);
    throw new Parsed();
  });
  try {
    await program.parseAsync(normaliseArguments(args), { from: "user" });
    return "nothing would be run";
  } catch (error) {
    if (error instanceof Parsed) return undefined;
    if (error instanceof CommanderError) return error.exitCode === 0 ? undefined : written;
    if (error instanceof UsageError) return error.message;
    throw error;
  }
}

test("every command line of Olla's is one that it understands", async () => {
  const lines = commands.filter(({ name }) => /^(.*\/)?olla$/.test(name));
  expect(lines.length).toBeGreaterThan(20);
  const faults: string[] = [];
  for (const { place, args } of lines) {
    const fault = await faultIn(args);
    if (fault !== undefined) faults.push(`${place}: olla ${args.join(" ")}: ${fault}`);
  }
  expect(faults).toEqual([]);
});

test("a command or an option that does not exist would be found", async () => {
  expect(await faultIn(["status", "--watch"])).toBeUndefined();
  expect(await faultIn(["-config", "x.yaml"])).toBeUndefined();
  expect(await faultIn(["--help"])).toBeUndefined();
  expect(await faultIn(["statsu"])).toContain("statsu");
  expect(await faultIn(["status", "--wathc"])).toContain("--wathc");
  expect(await faultIn(["requests", "--limit"])).toContain("--limit");
  expect(await faultIn(["key", "old"])).toContain("old");
});

/** A script of the package, a file of the repository, or a word of npm's own. */
function exists(script: string): boolean {
  return script in packageFile.scripts || script === "…" || existsSync(join(root, script));
}

test("every package script that is named exists", () => {
  const ownWords = ["install", "test", "start", "ci", "audit"];
  const missing = commands.flatMap(({ name, args, place }) => {
    if (name !== "npm" && name !== "bun") return [];
    const [verb = "", script = ""] = args.filter((word) => !word.startsWith("-"));
    const wanted = verb === "run" ? script : ownWords.includes(verb) ? undefined : verb;
    return wanted === undefined || exists(wanted) ? [] : [`${place}: ${name} ${args.join(" ")}`];
  });
  expect(missing).toEqual([]);
  expect(commands.filter(({ name }) => name === "npm").length).toBeGreaterThan(10);
});

test("a shell block is read as a shell reads it", () => {
  const text =
    "A=1 olla status \\\n  --json | head -2   # what it says\nnpm run x && ./olla -c 'a b.yaml'; echo \"x # y\"\n";
  expect(readCommands(text)).toEqual([
    { name: "olla", args: ["status", "--json"] },
    { name: "head", args: ["-2"] },
    { name: "npm", args: ["run", "x"] },
    { name: "./olla", args: ["-c", "a b.yaml"] },
    { name: "echo", args: ["x # y"] },
  ]);
  expect(readCommands("# nothing\n# at all")).toEqual([]);
  const curl = readCommands("curl -X DELETE localhost:40114/a?b=c -H 'X-One: two' -d '{}'")[0];
  expect(readCurl(curl?.args ?? [])).toEqual({
    path: "/a?b=c",
    init: { method: "DELETE", headers: { "X-One": "two" }, body: "{}" },
  });
  expect(readCurl(["https://elsewhere.example/install.sh"])).toBeUndefined();
});
