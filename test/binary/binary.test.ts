import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import packageFile from "../../package.json" with { type: "json" };
import { findDeadPort } from "../support/dead-port.ts";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { renderConfig } from "../support/olla-config.ts";
import { runToEnd } from "../support/run-to-end.ts";
import { spawnOlla } from "../support/spawn-olla.ts";
import { startDemo } from "../support/start-demo.ts";
import { pairOf } from "../support/tls-files.ts";
import { within } from "../support/wait-until.ts";

const binary = join(import.meta.dir, "../../dist", process.platform === "win32" ? "olla.exe" : "olla");
const isAskedFor = process.env.OLLA_TEST_BINARY === "1";
const reason = isAskedFor ? "" : " (skipped: needs dist/olla, run `npm run test:binary`)";
const command = [binary];

describe.skipIf(!isAskedFor)(`the compiled file, in an empty folder${reason}`, () => {
  test("--version names the version, the commit and the build date", async () => {
    const { code, stdout } = await runToEnd(["--version"], { command });
    expect(code).toBe(0);
    expect(stdout).toStartWith(`olla ${packageFile.version}\n`);
    expect(stdout).toMatch(/commit +([0-9a-f]{12}|unknown)/);
    expect(stdout).toMatch(/built +\d{4}-\d\d-\d\dT/);
  });

  test("--help lists commands and flags", async () => {
    const { code, stdout } = await runToEnd(["--help"], { command });
    expect(code).toBe(0);
    for (const part of ["serve", "demo", "validate", "--config"]) expect(stdout).toContain(part);
  });

  test("an unknown flag names the nearest one, exit code 2", async () => {
    const { code, stderr } = await runToEnd(["--confg", "x"], { command });
    expect(code).toBe(2);
    expect(stderr).toContain("--config");
  });

  test("serves with its embedded profiles, and stops on SIGTERM with exit code 0", async () => {
    await using upstream = new FakeUpstream();
    await using olla = await spawnOlla(
      { endpoints: [{ name: "one", url: upstream.url, type: "ollama" }], readiness: "all-probed" },
      command,
    );
    expect((await fetch(`${olla.url}/internal/health`)).status).toBe(200);
    const status = await fetch(`${olla.url}/internal/status/endpoints`);
    expect(JSON.stringify(await status.json())).toContain('"ollama"');
    // A kind that nobody configured is told from one that does not exist, because its profile is in the file.
    const answers = await Promise.all(
      ["vllm", "nothing"].map(async (prefix) =>
        (
          await fetch(`${olla.url}/olla/${prefix}/v1/chat/completions`, { method: "POST", body: "{}" })
        ).text(),
      ),
    );
    expect(answers[0]).toContain("provider_not_configured");
    expect(answers[1]).toContain("route_not_found");
    olla.signal("SIGTERM");
    expect(await within(olla.exited, 5_000, "olla exits")).toBe(0);
  });

  test("asks one that runs how it is", async () => {
    await using upstream = new FakeUpstream();
    await using olla = await spawnOlla(
      { endpoints: [{ name: "one", url: upstream.url, type: "openai-compatible" }] },
      command,
    );
    const { code, stdout } = await runToEnd(["status", "--url", olla.url], { command });
    expect(code).toBe(0);
    expect(stdout).toMatch(/● one +openai-compatible +healthy/);
    const none = await runToEnd(["status", "--url", `http://127.0.0.1:${findDeadPort()}`], { command });
    expect([none.code, none.stderr.includes("nothing listens at")]).toEqual([1, true]);
  });

  test("has the schemas for editors in it, and writes a configuration", async () => {
    const schema = await runToEnd(["schema", "profile"], { command });
    const file = Bun.file(join(import.meta.dir, "../../docs/schema/profile.schema.json"));
    expect(schema.stdout).toBe(await file.text());
    const init = await runToEnd(["init", "--yes"], { command });
    expect([init.code, init.stderr]).toEqual([0, ""]);
    expect(init.stdout).toContain("Wrote config.yaml");
  });

  test("finds out what is wrong with an endpoint, down to the certificate", async () => {
    const server = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      tls: pairOf("expired"),
      fetch: () => new Response(),
    });
    try {
      const url = `https://127.0.0.1:${server.port}`;
      const { code, stdout } = await runToEnd(["doctor", "--url", url], { command });
      expect(code).toBe(1);
      expect(stdout).toContain("the certificate expired on 2021-01-01");
    } finally {
      await server.stop(true);
    }
  });

  test("every shipped profile is in the file", async () => {
    const { code, stdout } = await runToEnd(["validate"], { command });
    const shipped = [...new Bun.Glob("*.yaml").scanSync(join(import.meta.dir, "../../profiles"))];
    expect(code).toBe(0);
    expect(stdout).toContain(`${shipped.length} loaded`);
  });

  test("the demo runs, and Ctrl-C ends it with exit code 0", async () => {
    await using demo = await startDemo(command);
    expect((await fetch(`${demo.url}/olla/models`)).status).toBe(200);
    expect(await demo.stop()).toBe(0);
  });

  test("a port in use is one line, exit code 1", async () => {
    const taken = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response("taken") });
    try {
      const files = { "config.yaml": renderConfig({ endpoints: [] }, taken.port ?? 0) };
      const { code, stderr } = await runToEnd([], { command, files });
      expect(code).toBe(1);
      expect(stderr).toMatch(/in use/);
      expect(stderr.trim().split("\n")).toHaveLength(1);
    } finally {
      await taken.stop(true);
    }
  });

  test("mistakes in a configuration are told with their places", async () => {
    const files = { "config.yaml": "server:\n  port: many\n  prot: 1\nproxy:\n  read_timeout: soon\n" };
    const { code, stdout } = await runToEnd(["validate"], { command, files });
    expect(code).toBe(1);
    for (const place of ["config.yaml:2:9", "config.yaml:3:3", "config.yaml:5:17"]) {
      expect(stdout).toContain(place);
    }
  });

  test("files of Bun in the working directory do not matter", async () => {
    const files = {
      ".env": "OLLA_SHOW_VERSION=true\n",
      "bunfig.toml": 'preload = ["./nowhere.ts"]\n',
      "config.yaml": renderConfig({ endpoints: [], server: { port: 0 } }, findDeadPort()),
    };
    // Port 0 is refused, which shows that it went as far as reading the configuration.
    const { code, stderr } = await runToEnd([], { command, files });
    expect(code).toBe(1);
    expect(stderr).toContain("server.port");
  });
});
