import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findDeadPort } from "../support/dead-port.ts";
import { findFreePort } from "../support/free-port.ts";
import { renderConfig } from "../support/olla-config.ts";
import { type FinishedRun, type RunSettings, runToEnd } from "../support/run-to-end.ts";
import { sourceCommand } from "../support/spawn-olla.ts";
import { type RunningOlla, startOlla } from "../support/start-olla.ts";
import { tlsPath } from "../support/tls-files.ts";

const nobody = { endpoints: [], readiness: "listening" } as const;
let olla: RunningOlla;

beforeAll(async () => {
  olla = await startOlla({ ...nobody, server: { admin: { key: "k".repeat(20) } } });
});
afterAll(() => olla.stop());

function ask(args: readonly string[], settings: Partial<RunSettings> = {}): Promise<FinishedRun> {
  return runToEnd(["health", ...args], { command: sourceCommand, ...settings });
}

test("an Olla that answers is healthy, without the admin key, and one line says so", async () => {
  const { code, stdout, stderr } = await ask(["--url", olla.url]);
  expect([code, stderr]).toEqual([0, ""]);
  expect(stdout).toMatch(new RegExp(`^healthy: ${olla.url} answered in \\d+m?s\n$`));
});

test("where nothing listens the exit code is 1, and one line says why", async () => {
  const { code, stdout, stderr } = await ask(["--url", `localhost:${findDeadPort()}`]);
  expect([code, stdout]).toEqual([1, ""]);
  expect(stderr).toMatch(/^olla: nothing listens at .*\n$/);
});

test("whoever takes the connection and says nothing is waited for as long as --timeout says", async () => {
  using silent = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const { code, stderr } = await ask(["--url", `127.0.0.1:${silent.port}`, "--timeout", "150ms"]);
  expect([code, stderr]).toEqual([1, expect.stringContaining("within 0.15s")]);
});

test("another server's JSON is no good answer", async () => {
  using other = Bun.serve({ port: 0, fetch: () => Response.json({ status: "healthy" }) });
  const { code, stderr } = await ask(["--url", `localhost:${other.port}`]);
  expect([code, stderr]).toEqual([1, expect.stringContaining("not as Olla does")]);
});

test("the configuration says where to ask: a port, the admin side's port, a variable", async () => {
  const on = (server: object) => ({ files: { "config.yaml": JSON.stringify({ server }) } });
  const dead = findDeadPort();
  for (const settings of [
    on({ port: olla.port }),
    on({ port: dead, admin: { port: olla.port } }),
    { ...on({ port: dead }), env: { OLLA_SERVER_PORT: String(olla.port) } },
  ]) {
    expect(await ask([], settings)).toMatchObject({ code: 0, stderr: "" });
  }
  expect((await ask([], on({ port: dead }))).code).toBe(1);
});

test("a file that was broken while Olla runs does not make Olla unhealthy", async () => {
  const files = { "config.yaml": "server: { port: [\n" };
  const { code, stdout } = await ask([], { files, env: { OLLA_SERVER_PORT: String(olla.port) } });
  expect([code, stdout]).toEqual([0, expect.stringContaining("healthy")]);
  const dead = await ask([], { files, env: { OLLA_SERVER_PORT: String(findDeadPort()) } });
  expect([dead.code, dead.stderr]).toEqual([
    1,
    expect.stringMatching(/configuration has mistakes .* nothing listens/),
  ]);
});

test.skipIf(process.platform === "win32")("behind a Unix socket, and with TLS", async () => {
  const folder = await mkdtemp(join(tmpdir(), "olla-health-"));
  try {
    const host = `unix:${join(folder, "olla.sock")}`;
    await using _local = await startOlla({ ...nobody, server: { host } });
    const files = { "config.yaml": JSON.stringify({ server: { host } }) };
    expect((await ask([], { files })).code).toBe(0);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  const tls = { cert: tlsPath("one.pem"), key: tlsPath("one.key") };
  await using secure = await startOlla({ ...nobody, server: { tls } });
  const files = { "config.yaml": renderConfig({ endpoints: [], server: { tls } }, secure.port) };
  expect(await ask([], { files })).toMatchObject({ code: 0, stderr: "" });
});

test("a timeout that is none is wrong usage", async () => {
  for (const timeout of ["0s", "soon", "5", "1h"]) {
    const { code, stderr } = await ask(["--timeout", timeout, "--url", `localhost:${findFreePort()}`]);
    expect([code, stderr]).toEqual([2, expect.stringContaining("--timeout: expected a duration")]);
  }
});
