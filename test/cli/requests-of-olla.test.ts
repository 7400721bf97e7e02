// `olla requests` against the whole program; what it makes of answers is tested with scripted ones.
import { expect, test } from "bun:test";
import { findDeadPort } from "../support/dead-port.ts";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { type FinishedRun, runToEnd } from "../support/run-to-end.ts";
import { sourceCommand } from "../support/spawn-olla.ts";
import { type RunningOlla, startOlla } from "../support/start-olla.ts";

function ask(olla: RunningOlla, ...args: string[]): Promise<FinishedRun> {
  return runToEnd(["requests", ...args, "--url", olla.url], { command: sourceCommand });
}

async function chat(olla: RunningOlla, model: string, id: string): Promise<number> {
  const answer = await fetch(`${olla.url}/olla/openai/v1/chat/completions`, {
    method: "POST",
    headers: { "X-Request-ID": id },
    body: JSON.stringify({ model, messages: [{ role: "user", content: "canary-of-a-message" }] }),
  });
  await answer.arrayBuffer();
  return answer.status;
}

test("requests of a running Olla are listed, filtered and explained, without what was said in them", async () => {
  await using upstream = new FakeUpstream();
  const type = "openai-compatible";
  await using olla = await startOlla({
    endpoints: [
      { name: "sleeper", url: `http://127.0.0.1:${findDeadPort()}`, type, priority: 100 },
      { name: "worker", url: upstream.url, type, priority: 50 },
    ],
    modelDiscovery: { enabled: false },
    readiness: "all-probed",
  });
  expect(await chat(olla, "tiny", "request-one")).toBe(200);
  expect(await chat(olla, "huge\u009b2J", "request-two")).toBe(200);
  const list = await ask(olla);
  expect(list.code).toBe(0);
  const lines = list.stdout.trimEnd().split("\n");
  expect(lines).toHaveLength(3);
  expect(lines[1]).toMatch(/request-one +tiny → worker +200/);
  expect(lines[2]).toMatch(/request-two +huge\ufffd2J → worker +200/);
  expect(list.stderr).toContain("request_log.enabled");
  const filtered = await ask(olla, "--model", "tiny", "--status", "2xx", "--since", "1h", "--json");
  expect(filtered.stdout.trimEnd().split("\n")).toHaveLength(1);
  const one = await ask(olla, "request-one");
  expect(one.code).toBe(0);
  expect(one.stdout).toMatch(/○ sleeper +skipped: not healthy/);
  expect(one.stdout).toMatch(/● worker +asked/);
  expect(one.stdout).toMatch(/✓ 1 {2}worker \(tiny\), sent after \d+ms, answered 200/);
  const none = await ask(olla, "request-zero");
  expect([none.code, none.stderr.includes("has no request request-zero on record")]).toEqual([1, true]);
  for (const run of [list, filtered, one]) {
    expect(run.stdout).not.toContain("canary");
    expect(run.stdout.replaceAll("\n", "")).not.toMatch(/\p{Cc}/u);
  }
});
