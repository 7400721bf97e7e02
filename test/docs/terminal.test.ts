import { expect, test } from "bun:test";
import { join } from "node:path";
import { exitCodes } from "../../src/cli/exit-codes.ts";
import { findDeadPort } from "../support/dead-port.ts";
import { runToEnd } from "../support/run-to-end.ts";
import { sourceCommand } from "../support/spawn-olla.ts";

const page = await Bun.file(join(import.meta.dir, "../../docs/terminal.md")).text();

test("the page has the exit codes, and no others", () => {
  const rows = [...page.matchAll(/^\| `(\d+)` \| (.+) \|$/gm)].map(([, code, meaning]) => [code, meaning]);
  expect(rows).toEqual(Object.entries(exitCodes).map(([code, { meaning }]) => [code, meaning]));
});

test.each<[string[], number, string]>([
  [["version"], 0, ""],
  [["validate"], 0, ""],
  [["--help"], 0, ""],
  [["requests", "--help"], 0, ""],
  [["completion", "fish"], 0, ""],
  [["status", "--url", `http://127.0.0.1:${findDeadPort()}`], 1, "nothing listens"],
  [["requests", "--url", `http://127.0.0.1:${findDeadPort()}`], 1, "nothing listens"],
  [["serve", "-c", "nothing.yaml"], 1, "not found"],
  [["validate", "-c", "nothing.yaml"], 1, "not found"],
  [["sevre"], 2, "did you mean `serve`?"],
  [["status", "--intervall", "1s"], 2, "unknown option"],
  [["completion", "tcsh"], 2, "Allowed choices are bash, zsh, fish"],
  [["completion"], 2, "missing required argument"],
  [["requests", "--limit", "many"], 2, "limit"],
])("%p ends with %d", async (args, expected, says) => {
  const { code, stdout, stderr } = await runToEnd(args, { command: sourceCommand });
  expect(code).toBe(expected);
  expect(stdout + stderr).toContain(says);
});
