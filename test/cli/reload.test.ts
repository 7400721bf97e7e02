// A running `olla serve` whose file changes, told of it by a signal, or finding out by itself.
import { expect, test } from "bun:test";
import { chatBody, chatPath, endpointOf } from "../conformance/engine/engine-case.ts";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { findFreePort } from "../support/free-port.ts";
import { runOnTerminal } from "../support/run-on-terminal.ts";
import { sourceCommand, spawnOlla } from "../support/spawn-olla.ts";
import { waitUntil, within } from "../support/wait-until.ts";

async function servedBy(url: string): Promise<string | null> {
  const answer = await fetch(`${url}${chatPath}`, { method: "POST", body: chatBody() });
  await answer.arrayBuffer();
  return answer.headers.get("x-olla-endpoint");
}

test("SIGHUP puts the changed file in force, says what is wrong with a broken one, and ends nothing", async () => {
  await using alpha = new FakeUpstream();
  const withName = (name: string, watch: boolean) => ({
    endpoints: [endpointOf(alpha, name)],
    sections: { config: { watch } },
  });
  await using olla = await spawnOlla(withName("first", false));
  expect(await servedBy(olla.url)).toBe("first");
  await olla.rewrite(withName("second", false));
  olla.signal("SIGHUP");
  await waitUntil(() => olla.output().includes("Other settings are in force"), { what: "it was reloaded" });
  expect(await servedBy(olla.url)).toBe("second");

  await olla.rewrite("server: { prot: 1 }\nproxy:\n  engine: fastest\n");
  olla.signal("SIGHUP");
  await waitUntil(() => olla.output().includes("olla.yaml:3:11  proxy.engine: expected"), {
    what: "the error is logged with its place",
  });
  expect(olla.output()).toContain("server.prot: no such key");
  expect(await servedBy(olla.url)).toBe("second");
  olla.signal("SIGTERM");
  expect(await within(olla.exited, 10_000, "it stops")).toBe(0);
}, 20_000);

test("a changed file is found without a word, and not while config.watch is off", async () => {
  await using alpha = new FakeUpstream();
  const withName = (name: string, watch: boolean) => ({
    endpoints: [endpointOf(alpha, name)],
    sections: { config: { watch } },
  });
  await using watching = await spawnOlla(withName("first", true));
  await using other = await spawnOlla(withName("first", false));
  await other.rewrite(withName("second", false));
  // Two changes seen one after the other are more time than one look takes.
  for (const name of ["second", "third"]) {
    await watching.rewrite(withName(name, true));
    await waitUntil(async () => (await servedBy(watching.url)) === name, {
      deadlineMs: 10_000,
      what: "the new name is in force",
    });
  }
  const status = await fetch(`${watching.url}/internal/status`);
  expect(await status.json()).toMatchObject({
    config: { is_current: true, last_reload: { cause: "file" } },
  });
  expect(await servedBy(other.url)).toBe("first");
}, 30_000);

test("whoever closes the terminal ends what ran in it", async () => {
  const port = findFreePort();
  const run = runOnTerminal([...sourceCommand, "serve", "--config", "/dev/null"], {
    env: { OLLA_SERVER_PORT: String(port) },
  });
  await using _run = run;
  await waitUntil(() => run.output().includes("Listening on"), { deadlineMs: 10_000, what: "it listens" });
  run.hangUp();
  expect(await within(run.exited, 10_000, "it has stopped")).toBe(0);
}, 20_000);
