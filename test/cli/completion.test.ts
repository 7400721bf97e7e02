import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runOnTerminal, type TerminalRun } from "../support/run-on-terminal.ts";
import { sourceCommand } from "../support/spawn-olla.ts";

let folder = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "olla-completion-"));
  const program = join(folder, "bin", "olla");
  await Bun.write(program, `#!/bin/sh\nexec ${sourceCommand.map((part) => `'${part}'`).join(" ")} "$@"\n`);
  await chmod(program, 0o755);
  await Bun.write(join(folder, "work", "my config.yaml"), "");
  await Bun.write(join(folder, "work", "certificates", "ca.pem"), "");
});

afterAll(() => rm(folder, { recursive: true, force: true }));

/** How a shell is started without anybody's settings, and told of our completions. */
const shells: Readonly<Record<string, { readonly start: readonly string[]; readonly load: string }>> = {
  bash: { start: ["bash", "--norc", "--noprofile", "-i"], load: "source <(olla completion bash)" },
  zsh: {
    start: ["zsh", "-f", "-i"],
    load: "autoload -U compinit; compinit -u -D; source <(olla completion zsh)",
  },
  fish: { start: ["fish", "--no-config", "-i"], load: "olla completion fish | source" },
};

/** What is typed before Tab is pressed, and the words that then stand there. An `X` typed behind shows where a word ends. */
const cases: readonly (readonly [typed: string, words: readonly string[]])[] = [
  ["olla requ", ["olla", "requests", "X"]],
  ["olla key n", ["olla", "key", "new", "X"]],
  ["olla help vali", ["olla", "help", "validate", "X"]],
  ["olla requests --fol", ["olla", "requests", "--follow", "X"]],
  ["olla requests --limit 5 --endp", ["olla", "requests", "--limit", "5", "--endpoint", "X"]],
  ["olla -c x status --conf", ["olla", "-c", "x", "status", "--config", "X"]],
  ["olla completion f", ["olla", "completion", "fish", "X"]],
  ["olla -c certificates/c", ["olla", "-c", "certificates/ca.pem", "X"]],
  ["olla --config=certificates/c", ["olla", "--config=certificates/ca.pem", "X"]],
  ["olla status --ca certi", ["olla", "status", "--ca", "certificates/X"]],
  ["olla validate -c my", ["olla", "validate", "-c", "my config.yaml", "X"]],
  ["olla demo certi", ["olla", "demo", "certiX"]],
  ["olla requests -- --fol", ["olla", "requests", "--", "--folX"]],
];

for (const [shell, { start, load }] of Object.entries(shells)) {
  const isMissing = Bun.which(shell) === null;
  describe.skipIf(isMissing)(`${shell}${isMissing ? " (skipped: it is not installed here)" : ""}`, () => {
    test(`completes what is typed in front of Tab`, async () => {
      await using terminal = await openShell(start, load);
      for (const [typed, words] of cases) expect(await pressTab(terminal, typed)).toEqual(words);
    }, 60_000);
  });
}

async function openShell(start: readonly string[], load: string): Promise<TerminalRun> {
  const terminal = runOnTerminal(start, {
    columns: 120,
    env: { PATH: `${join(folder, "bin")}:${process.env.PATH}`, HOME: folder, PS1: "> " },
  });
  terminal.type(`cd '${join(folder, "work")}'; ${load}; echo lo''aded\r`);
  await terminal.shows((frame) => frame.includes("loaded"), "the shell has loaded the completions");
  return terminal;
}

/** The words of the line behind Tab, which the shell itself is made to say. */
async function pressTab(terminal: TerminalRun, typed: string): Promise<readonly string[]> {
  const before = terminal.output().length;
  const [toBegin, toEnd] = ["\u0001", "\u0005"];
  terminal.type(`${typed}\tX${toBegin}printf '<%s>' ${toEnd}; printf '\\n%s\\n' en''d\r`);
  const written = () => Bun.stripANSI(terminal.output().slice(before));
  await terminal.shows(() => /^end\r?$/m.test(written()), `the words of "${typed}"`);
  const [, said = ""] = /^(<.*>)\r?$/m.exec(written()) ?? [];
  return said.slice(1, -1).split("><");
}
