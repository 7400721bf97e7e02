import { expect, test } from "bun:test";
import { runCommand } from "./run.ts";
import type { Terminal } from "./terminal.ts";

const build = { version: "1.2.3", commit: "abc", date: "today" };

async function runHere(args: string[], env: Record<string, string> = {}) {
  let out = "";
  let err = "";
  const terminal: Terminal = {
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
    env,
    cwd: import.meta.dir,
    isScreen: false,
    exitNow: () => undefined,
  };
  const code = await runCommand(args, terminal, build);
  return { code, out, err };
}

for (const args of [["--version"], ["version"], ["-version"], ["--validate-config", "--version"]]) {
  test(`"olla ${args.join(" ")}" prints the version`, async () => {
    const { code, out } = await runHere(args);
    expect([code, out.split("\n")[0]]).toEqual([0, "olla 1.2.3"]);
    expect(out).toContain("abc");
  });
}

test("OLLA_SHOW_VERSION counts only when it is exactly true", async () => {
  expect((await runHere([], { OLLA_SHOW_VERSION: "true" })).out).toStartWith("olla 1.2.3");
});

for (const args of [["--help"], ["-h"], ["-help"], ["help"], ["serve", "--help"]]) {
  test(`"olla ${args.join(" ")}" shows the flags`, async () => {
    const { code, out } = await runHere(args);
    expect(code).toBe(0);
    expect(out).toContain("--config");
  });
}

const wrong: readonly (readonly [string[], string])[] = [
  [["sevre"], "serve"],
  [["verison"], "version"],
  [["--confg", "x.yaml"], "--config"],
  [["serve", "--validate-confg"], "--validate-config"],
  [["--verzion"], "--version"],
  [["--frobnicate"], "--config"],
  [["zzzzzz"], "validate"],
  [["-c"], "--config"],
  [["serve", "now"], "too many arguments"],
  [["--version=perhaps"], "--version=false"],
  [["--profile"], "not supported"],
];

for (const [args, named] of wrong) {
  test(`"olla ${args.join(" ")}" is wrong usage and names ${named}`, async () => {
    const { code, out, err } = await runHere(args);
    expect([code, out]).toEqual([2, ""]);
    expect(err).toContain(named);
  });
}
