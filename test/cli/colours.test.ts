import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { findFreePort } from "../support/free-port.ts";
import { renderConfig } from "../support/olla-config.ts";
import { runOnTerminal } from "../support/run-on-terminal.ts";
import { runToEnd } from "../support/run-to-end.ts";
import { sourceCommand } from "../support/spawn-olla.ts";
import { type RunningOlla, startOlla } from "../support/start-olla.ts";

// biome-ignore lint/suspicious/noControlCharactersInRegex: the escape sequences that set colours are what it looks for
const colour = /\u001b\[[\d;]*m/;
let upstream: FakeUpstream;
let olla: RunningOlla;
let folder = "";

beforeAll(async () => {
  upstream = new FakeUpstream({ models: ["tiny"] });
  olla = await startOlla({ endpoints: [{ name: "one", url: upstream.url, type: "openai-compatible" }] });
  await fetch(`${olla.url}/olla/openai/v1/chat/completions`, { method: "POST", body: '{"model":"none"}' });
  folder = await mkdtemp(join(tmpdir(), "olla-colours-"));
});
afterAll(async () => {
  await olla[Symbol.asyncDispose]();
  await upstream[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

async function onTerminal(args: readonly string[], env: Record<string, string>): Promise<string> {
  await using run = runOnTerminal([...sourceCommand, ...args], { env });
  expect(await run.exited).toBe(0);
  return run.output();
}

async function intoPipe(args: readonly string[], env: Record<string, string>): Promise<string> {
  const { code, stdout, stderr } = await runToEnd(args, { command: sourceCommand, env });
  expect(code).toBe(0);
  return stdout + stderr;
}

describe.each(["status", "requests"])("olla %s", (command) => {
  const args = () => [command, "--url", olla.url];

  test("is coloured on a terminal, and with FORCE_COLOR elsewhere", async () => {
    expect(await onTerminal(args(), {})).toMatch(colour);
    expect(await intoPipe(args(), { FORCE_COLOR: "1" })).toMatch(colour);
  });

  test.each<Record<string, string>>([
    { NO_COLOR: "1" },
    { NO_COLOR: "1", FORCE_COLOR: "1" },
    { TERM: "dumb" },
  ])("is plain on a terminal with %p", async (env) =>
    expect(await onTerminal(args(), env)).not.toContain("\u001b"),
  );

  test("is plain in a pipe", async () => expect(await intoPipe(args(), {})).not.toContain("\u001b"));
});

test.each(["version", "validate", "--help", "key new", "completion bash"])(
  "olla %s has no colours at all",
  async (args) => expect(await onTerminal(args.split(" "), {})).not.toMatch(colour),
);

describe("the log of olla serve", () => {
  const logOf = async (env: Record<string, string>): Promise<string> => {
    const port = findFreePort();
    const config = join(folder, `${port}.yaml`);
    await Bun.write(config, renderConfig({ endpoints: [{ name: "one", url: upstream.url }] }, port));
    await using run = runOnTerminal([...sourceCommand, "serve", "-c", config], { env });
    await run.shows((frame) => frame.includes("Listening on"), "olla listens");
    await fetch(`http://127.0.0.1:${port}/version`);
    await run.shows((frame) => frame.includes("GET /version"), "the request is logged");
    run.signal("SIGTERM");
    expect(await run.exited).toBe(0);
    return run.output();
  };

  test("is coloured on a terminal", async () => expect(await logOf({})).toMatch(colour));

  test.each<Record<string, string>>([{ NO_COLOR: "1" }, { TERM: "dumb" }])(
    "is plain on a terminal with %p",
    async (env) => expect(await logOf(env)).not.toContain("\u001b"),
  );
});
