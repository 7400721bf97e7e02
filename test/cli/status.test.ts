import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findOlla } from "../../src/cli/running-olla.ts";
import { findDeadPort } from "../support/dead-port.ts";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { findFreePort } from "../support/free-port.ts";
import { type OllaSettings, renderConfig } from "../support/olla-config.ts";
import { type FinishedRun, runToEnd } from "../support/run-to-end.ts";
import { sourceCommand } from "../support/spawn-olla.ts";
import { startOlla } from "../support/start-olla.ts";
import { tlsPath } from "../support/tls-files.ts";

const command = sourceCommand;
const adminKey = "canary-admin-key-of-the-terminal";
let folder = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "olla-status-"));
  await Bun.write(join(folder, "right.key"), `${adminKey}\n`);
  await Bun.write(join(folder, "wrong.key"), "another-key-of-somebody\n");
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function ask(
  args: readonly string[],
  settings: Partial<Parameters<typeof runToEnd>[1]> = {},
): Promise<FinishedRun> {
  return runToEnd(["status", ...args], { command, ...settings });
}

function endpointOf(upstream: { readonly url: string }, name: string) {
  return { name, url: upstream.url, type: "openai-compatible" };
}

test("a fleet with one endpoint dead, one drained and one well is one table", async () => {
  await using well = new FakeUpstream({ models: ["tiny", "\u001b[31mloud\u009b2J"] });
  await using drained = new FakeUpstream();
  await using olla = await startOlla({
    endpoints: [
      { ...endpointOf(well, "well"), max_concurrent: 3 },
      endpointOf(drained, "drained"),
      endpointOf({ url: `http://127.0.0.1:${findDeadPort()}` }, "dead"),
    ],
    proxy: { engine: "olla" },
    readiness: "all-probed",
    sections: { model_aliases: { quick: ["tiny"] } },
  });
  await fetch(`${olla.url}/internal/endpoints/drained/drain`, { method: "POST" });
  const { code, stdout, stderr } = await ask(["--url", olla.url]);
  expect([code, stderr]).toEqual([0, ""]);
  expect(stdout).toStartWith("Olla ");
  expect(stdout).toContain(olla.url);
  expect(stdout).toMatch(/● well +openai-compatible +healthy +0\/3/);
  expect(stdout).toMatch(/◐ drained +openai-compatible +draining/);
  expect(stdout).toMatch(/○ dead +openai-compatible +(?:offline|unhealthy)/);
  expect(stdout).toMatch(/^tiny +.*drained, well/m);
  expect(stdout).toContain("quick → tiny at ");
  // Nobody looks at a pipe: no colours, and no orders of the endpoint's either.
  expect(stdout.replaceAll("\n", "")).not.toMatch(/\p{Cc}/u);
  const json = await ask(["--url", olla.url, "--json"]);
  expect(json.stdout.replaceAll("\n", "")).not.toMatch(/\p{Cc}/u);
  const { status } = JSON.parse(json.stdout) as { status: { endpoints: readonly { name: string }[] } };
  expect(status.endpoints.map(({ name }) => name).sort()).toEqual(["dead", "drained", "well"]);
});

test("without --url the configuration says where to ask", async () => {
  await using upstream = new FakeUpstream();
  await using olla = await startOlla({ endpoints: [endpointOf(upstream, "one")] });
  const files = { "config.yaml": renderConfig({ endpoints: [] }, olla.port) };
  expect((await ask([], { files })).stdout).toContain("● one");
  const elsewhere = { "mine.yaml": renderConfig({ endpoints: [], server: { host: "0.0.0.0" } }, olla.port) };
  expect((await ask(["-c", "mine.yaml"], { files: elsewhere })).stdout).toContain(
    `http://localhost:${olla.port}`,
  );
  const env = { OLLA_SERVER_PORT: String(olla.port), OLLA_SERVER_HOST: "127.0.0.1" };
  expect((await ask([], { env })).stdout).toContain("● one");
});

test("where nobody listens, it says where it has asked and what to do", async () => {
  const port = findDeadPort();
  const { code, stdout, stderr } = await ask([], {
    files: { "config.yaml": renderConfig({ endpoints: [] }, port) },
  });
  expect([code, stdout]).toEqual([1, ""]);
  expect(stderr).toBe(
    `olla: nothing listens at http://127.0.0.1:${port}: is Olla running? Start it with \`olla\`, or say where it is with --url\n`,
  );
});

test("what is no Olla is recognised, and what says nothing is not waited for", async () => {
  await using other = new FakeUpstream();
  const { code, stderr } = await ask(["--url", other.url]);
  expect(code).toBe(1);
  expect(stderr).toContain("answers, but not as Olla does");
  const silent = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  try {
    const olla = await findOlla(
      { url: `http://127.0.0.1:${silent.port}` },
      undefined,
      { env: {}, cwd: "/" },
      50,
    );
    await expect(olla.ask("/internal/status")).rejects.toThrow(`no answer from ${olla.shown} within 0.05s`);
  } finally {
    silent.stop(true);
  }
});

test("a configuration with mistakes says where Olla is as far as it can be read", async () => {
  await using upstream = new FakeUpstream();
  await using olla = await startOlla({ endpoints: [endpointOf(upstream, "one")] });
  const files = {
    "config.yaml": `server: { host: 127.0.0.1, port: ${olla.port} }\nproxy: { engine: best }\n`,
  };
  expect(await ask([], { files })).toMatchObject({ code: 0, stderr: "" });
  const dead = { "config.yaml": `server: { port: ${await findDeadPort()} }\nproxy: { engine: best }\n` };
  const { code, stderr } = await ask([], { files: dead });
  expect([code, stderr]).toEqual([
    1,
    expect.stringMatching(/configuration has mistakes .*nothing listens.*--url/),
  ]);
});

describe("an admin key", () => {
  async function withKey(use: (url: string, port: number) => Promise<void>): Promise<void> {
    await using upstream = new FakeUpstream();
    await using olla = await startOlla({
      endpoints: [endpointOf(upstream, "one")],
      server: { admin: { key: adminKey } },
      readiness: "listening",
    });
    await use(olla.url, olla.port);
    expect(olla.output()).not.toContain("canary");
  }

  test("is asked for by name, and taken from a file, a variable or the configuration", () =>
    withKey(async (url, port) => {
      const none = await ask(["--url", url]);
      expect(none.code).toBe(1);
      expect(none.stderr).toBe(
        `olla: ${url} asks for the admin key: set OLLA_SERVER_ADMIN_KEY to it, or give a file that holds it with --key-file\n`,
      );
      const wrong = await ask(["--url", url, "--key-file", join(folder, "wrong.key")]);
      expect(wrong.stderr).toContain(
        `has another admin key than the one from --key-file ${join(folder, "wrong.key")}`,
      );
      const config = renderConfig(
        { endpoints: [], server: { admin: { key_file: join(folder, "right.key") } } },
        port,
      );
      const right = await Promise.all([
        ask(["--url", url, "--key-file", join(folder, "right.key")]),
        ask(["--url", url], { env: { OLLA_SERVER_ADMIN_KEY: adminKey } }),
        ask([], { files: { "config.yaml": config } }),
      ]);
      for (const { code, stdout } of right) expect([code, stdout.startsWith("Olla ")]).toEqual([0, true]);
      // A wrong key counts once, although more is asked: ten in a minute, and Olla listens to nobody from here.
      const guesses = await Promise.all(
        Array.from({ length: 8 }, () => ask(["--url", url, "--key-file", join(folder, "wrong.key")])),
      );
      for (const { stderr } of guesses) expect(stderr).toContain("has another admin key");
      for (const run of [none, wrong, ...right]) expect(run.stdout + run.stderr).not.toContain("canary");
    }));

  test("of the configuration is for that Olla, and for no other", async () => {
    const seen: (string | null)[] = [];
    await using server = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch(request) {
        seen.push(request.headers.get("authorization"));
        return new Response("", { status: 404 });
      },
    });
    const files = {
      "config.yaml": renderConfig({ endpoints: [], server: { admin: { key: adminKey } } }, 40114),
    };
    await ask(["--url", `http://127.0.0.1:${server.port}`], { files });
    expect(seen.length).toBeGreaterThan(0);
    expect(seen.every((header) => header === null)).toBe(true);
  });

  test("that no file holds is a clear word", async () => {
    const { code, stderr } = await ask(["--key-file", "nowhere.key"]);
    expect(code).toBe(1);
    expect(stderr).toContain("--key-file: expected a readable file, but it does not exist: nowhere.key");
  });
});

test("it finds the admin port", async () => {
  await using upstream = new FakeUpstream();
  const adminPort = findFreePort();
  const settings: OllaSettings = {
    endpoints: [endpointOf(upstream, "one")],
    server: { admin: { port: adminPort } },
    readiness: "listening",
  };
  await using olla = await startOlla(settings);
  const { stdout } = await ask([], { files: { "config.yaml": renderConfig(settings, olla.port) } });
  expect(stdout).toContain(`http://127.0.0.1:${adminPort}`);
  const { code, stderr } = await ask(["--url", olla.url]);
  expect([code, stderr.includes(`port ${adminPort} (server.admin.port)`)]).toEqual([1, true]);
});

test("it asks through a Unix socket", async () => {
  const path = join(folder, "olla.sock");
  const settings: OllaSettings = { endpoints: [], server: { host: `unix:${path}` }, readiness: "listening" };
  await using _olla = await startOlla(settings);
  const files = { "config.yaml": renderConfig(settings, 40114) };
  for (const run of [await ask([], { files }), await ask(["--url", `unix:${path}`])]) {
    expect([run.code, run.stdout.includes(`unix:${path}`)]).toEqual([0, true]);
  }
  const { code, stderr } = await ask(["--url", `unix:${path}.nothing`]);
  expect([code, stderr.includes("there is no socket at unix:")]).toEqual([1, true]);
});

test("it speaks TLS: on this machine by itself, and with an authority where one is named", async () => {
  const tls = { cert: tlsPath("one.pem"), key: tlsPath("one.key") };
  const settings: OllaSettings = { endpoints: [], server: { tls }, readiness: "listening" };
  await using olla = await startOlla(settings);
  const files = { "config.yaml": renderConfig(settings, olla.port) };
  expect((await ask([], { files })).stdout).toContain(`https://127.0.0.1:${olla.port}`);
  const trusted = await ask(["--url", olla.url, "--ca", tlsPath("authority.pem")]);
  expect([trusted.code, trusted.stderr]).toEqual([0, ""]);
  const stranger = await ask(["--url", olla.url, "--ca", tlsPath("stranger.pem")]);
  expect(stranger.code).toBe(1);
  expect(stranger.stderr).toContain("can't be verified");
  expect(stranger.stderr).toContain("--ca");
  const plain = await ask(["--url", olla.url.replace("https", "http")]);
  expect([plain.code, plain.stderr.includes("https")]).toEqual([1, true]);
});

test.concurrent.each([
  [["--interval", "soon"], "--interval: expected a duration"],
  [["--interval", "1ms"], "--interval: expected a duration"],
  [["--url", "ftp://x"], "--url: expected http://HOST:PORT"],
  [["--key", "secret"], "unknown option '--key'"],
])("olla status %p is wrong usage", async (args, message) => {
  const { code, stdout, stderr } = await ask(args);
  expect([code, stdout]).toEqual([2, ""]);
  expect(stderr).toContain(message);
});

test("a mistyped command is guessed, and both commands explain themselves", async () => {
  const typo = await runToEnd(["stauts"], { command });
  expect([typo.code, typo.stderr.includes("did you mean `status`?")]).toEqual([2, true]);
  const typo2 = await runToEnd(["request"], { command });
  expect([typo2.code, typo2.stderr.includes("did you mean `requests`?")]).toEqual([2, true]);
  for (const name of ["status", "requests"]) {
    const { code, stdout } = await runToEnd([name, "--help"], { command });
    expect(code).toBe(0);
    for (const flag of ["--url", "--key-file", "--config", "--json"]) expect(stdout).toContain(flag);
  }
});
