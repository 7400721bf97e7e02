// The admin side as operators meet it: keys in files, a port of its own, guesses, and what nobody gets to see.
import { describe, expect, test } from "bun:test";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { digestOf } from "../../src/lib/key-digest.ts";
import { findDeadPort } from "../support/dead-port.ts";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { findFreePort } from "../support/free-port.ts";
import { parseLogLines } from "../support/log-lines.ts";
import { RawClient } from "../support/raw-client.ts";
import { runToEnd } from "../support/run-to-end.ts";
import { sourceCommand, spawnOlla } from "../support/spawn-olla.ts";
import { startOlla } from "../support/start-olla.ts";
import { answerJson } from "../support/upstream-behaviours.ts";
import { waitUntil } from "../support/wait-until.ts";

const key = "canary-admin-key-0123456789";
const bearer = { Authorization: `Bearer ${key}` };
const statusPath = "/internal/status";

function dead(): { name: string; url: string; type: string } {
  return { name: "gpu", url: `http://127.0.0.1:${findDeadPort()}`, type: "vllm" };
}

async function statusOf(url: string, headers: Record<string, string> = {}): Promise<number> {
  const answer = await fetch(url, { headers });
  await answer.arrayBuffer();
  return answer.status;
}

describe("server.admin.key", () => {
  test("opens the admin side in each of the three ways, and what changes an endpoint, beside keys of clients", async () => {
    await using upstream = new FakeUpstream({ kind: "ollama", models: ["a"], behave: answerJson({}) });
    const clientKey = "client-key-0123456789";
    await using olla = await startOlla({
      readiness: "listening",
      endpoints: [{ name: "home", url: upstream.url, type: "ollama" }],
      server: { admin: { key } },
      sections: { auth: { keys: [{ name: "one", hash: `sha256:${digestOf(clientKey)}` }] } },
    });
    const url = `${olla.url}${statusPath}`;
    expect(await statusOf(url)).toBe(401);
    expect(await statusOf(url, { Authorization: `Bearer ${clientKey}` })).toBe(401);
    expect(await statusOf(`${olla.url}/internal/health`)).toBe(200);
    const ways = [bearer, { "x-api-key": key }, { Authorization: `Basic ${btoa(`me:${key}`)}` }];
    for (const headers of ways) expect(await statusOf(url, headers)).toBe(200);
    const pull = async (headers: Record<string, string>) => {
      const answer = await fetch(`${olla.url}/api/pull`, {
        method: "POST",
        headers: { ...headers, "X-Olla-Endpoint": "home" },
        body: '{"model":"a"}',
      });
      await answer.arrayBuffer();
      return answer.status;
    };
    await waitUntil(async () => (await pull(bearer)) === 200, { what: "the endpoint is healthy" });
    expect(await pull({ Authorization: `Bearer ${clientKey}` })).toBe(401);
    expect(await pull({})).toBe(401);
    // It opens nothing of what keys of clients are for.
    expect(await statusOf(`${olla.url}/olla/models`, bearer)).toBe(401);
    // Neither key gets to the endpoint.
    expect(JSON.stringify(upstream.requests.map(({ headers }) => headers))).not.toContain("key-0123456789");
  });

  test("is read from server.admin.key_file, a warning tells who else can read it, and nothing shows it", async () => {
    await using olla = await spawnOlla(
      { readiness: "listening", endpoints: [dead()], server: { admin: { key_file: "admin.key" } } },
      sourceCommand,
      {},
      { "admin.key": `${key}\n` },
    );
    const outputs: string[] = [];
    const asked = [{}, bearer, { "x-api-key": `${key}x` }, { Authorization: `Digest ${key}` }];
    for (const path of [statusPath, `${statusPath}?key=${key}`, "/internal/none", "/version", "/"]) {
      for (const headers of asked as Record<string, string>[]) {
        const answer = await fetch(`${olla.url}${path}`, { headers });
        outputs.push(JSON.stringify([...answer.headers]), await answer.text());
      }
    }
    expect(outputs.join()).toContain("unauthorized");
    olla.signal("SIGTERM");
    await olla.exited;
    const everything = [olla.output(), ...outputs].join("\n");
    expect(everything).toContain("every user of this machine can read admin.key");
    expect(everything).not.toContain(key);
    expect(everything).not.toContain(digestOf(key));
  });

  test("in a file that is missing, empty or not ours to read stops the start", async () => {
    const folder = await mkdtemp(join(tmpdir(), "olla-admin-"));
    try {
      const locked = join(folder, "locked.key");
      await Bun.write(locked, key);
      await chmod(locked, 0o000);
      await Bun.write(join(folder, "empty.key"), "\n");
      const isRoot = process.getuid?.() === 0;
      const files = ["missing.key", "empty.key", ...(isRoot ? [] : ["locked.key"])];
      for (const file of files) {
        const config = {
          server: { admin: { key_file: join(folder, file) } },
          discovery: { static: { endpoints: [] } },
        };
        const run = await runToEnd(["serve", "--config", "olla.yaml"], {
          command: sourceCommand,
          files: { "olla.yaml": JSON.stringify(config) },
        });
        expect([file, run.code]).toEqual([file, 1]);
        expect(run.stdout + run.stderr).toContain("server.admin.key_file");
      }
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });

  test("is not guessed: after ten wrong ones an address waits, and health and clients go on", async () => {
    await using upstream = new FakeUpstream({ kind: "vllm" });
    await using olla = await startOlla({
      readiness: "listening",
      endpoints: [{ name: "gpu", url: upstream.url, type: "vllm" }],
      server: { admin: { key } },
    });
    const url = `${olla.url}${statusPath}`;
    const statuses: number[] = [];
    for (let round = 0; round < 200; round += 1) {
      statuses.push(await statusOf(url, { Authorization: `Bearer wrong-${round}` }));
    }
    expect(new Set(statuses.slice(0, 10))).toEqual(new Set([401]));
    expect(statuses.filter((status) => status === 401).length).toBeLessThan(15);
    expect(statuses.at(-1)).toBe(429);
    expect(await statusOf(url, bearer)).toBe(429);
    expect(await statusOf(`${olla.url}/internal/health`)).toBe(200);
    expect(await statusOf(`${olla.url}/olla/models`)).toBe(200);
  });
});

describe("server.admin.port", () => {
  test("has /internal/ and what changes something, and ends with everything else", async () => {
    await using upstream = new FakeUpstream({ kind: "vllm" });
    const port = findFreePort();
    await using olla = await spawnOlla({
      readiness: "listening",
      endpoints: [{ name: "gpu", url: upstream.url, type: "vllm" }],
      server: { admin: { port } },
    });
    const admin = `http://127.0.0.1:${port}`;
    expect(await statusOf(`${admin}${statusPath}`)).toBe(200);
    expect(await statusOf(`${olla.url}${statusPath}`)).toBe(404);
    expect(await statusOf(`${admin}/internal/health`)).toBe(200);
    expect(await statusOf(`${olla.url}/internal/health`)).toBe(200);
    expect(await statusOf(`${admin}/olla/models`)).toBe(404);
    expect(await statusOf(`${olla.url}/olla/models`)).toBe(200);
    // What guards the main port guards this one.
    expect(await statusOf(`${admin}${statusPath}`, { Origin: "https://evil.test" })).toBe(403);
    expect(await statusOf(`${admin}${statusPath}`, { Host: "evil.test" })).toBe(403);
    await waitUntil(() => parseLogLines(olla.output()).some(({ admin_url }) => admin_url === admin), {
      what: "the start tells of it",
    });
    olla.signal("SIGTERM");
    expect(await olla.exited).toBe(0);
    expect(await statusOf(`${admin}/internal/health`).catch(() => "closed")).toBe("closed");
  });

  test("that is taken is one clear line, which names the key", async () => {
    await using upstream = new FakeUpstream({ kind: "vllm" });
    const config = {
      server: {
        port: findFreePort(),
        admin: { port: Number(new URL(upstream.url).port) },
        host: "127.0.0.1",
      },
      discovery: { static: { endpoints: [dead()] } },
    };
    const run = await runToEnd(["serve", "--config", "olla.yaml"], {
      command: sourceCommand,
      files: { "olla.yaml": JSON.stringify(config) },
    });
    expect(run.code).toBe(1);
    expect(run.stderr).toContain("set server.admin.port to a free one");
  });
});

test("who listens on every address without keys of clients is warned at the start, and who leads to itself, too", async () => {
  const port = findFreePort();
  const config = {
    server: { host: "0.0.0.0", port },
    discovery: { static: { endpoints: [{ name: "self", url: `http://localhost:${port}`, type: "vllm" }] } },
  };
  const run = await runToEnd(["validate", "--config", "olla.yaml"], {
    command: sourceCommand,
    files: { "olla.yaml": JSON.stringify(config) },
  });
  expect(run.code).toBe(0);
  expect(run.stdout).toContain("server.host: whoever reaches this address may use every model");
  expect(run.stdout).toContain('endpoint "self": this is Olla\'s own address');
});

describe("a request that comes back", () => {
  test("is refused with 508 in the caller's words; that answer is what the client gets, and it went round once", async () => {
    // The endpoint sends what it gets on to Olla, as an endpoint whose URL leads back would.
    let back = "";
    await using upstream = new FakeUpstream({
      kind: "vllm",
      behave: async (exchange) => {
        const headers = new Headers(exchange.headers.map(([name, value]): [string, string] => [name, value]));
        const answer = await fetch(`${back}/olla/proxy${exchange.target}`, {
          method: exchange.method,
          headers: { Via: headers.get("via") ?? "" },
          body: exchange.text,
        });
        await exchange.respond(answer.status, [["Content-Type", "application/json"]], await answer.text());
      },
    });
    await using olla = await startOlla({ endpoints: [{ name: "gpu", url: upstream.url, type: "vllm" }] });
    back = olla.url;
    const answer = await fetch(`${olla.url}/olla/proxy/v1/chat/completions`, {
      method: "POST",
      body: '{"model":"tiny"}',
    });
    expect(answer.status).toBe(508);
    expect(await answer.json()).toMatchObject({ error: { code: "loop_detected", source: "olla" } });
    expect(upstream.requests).toHaveLength(1);
    const lines = olla.accessLog().filter(({ path }) => path === "/olla/proxy/v1/chat/completions");
    expect(lines.map(({ status }) => status)).toEqual([508, 508]);
    expect(lines[0]).toMatchObject({ error_code: "loop_detected" });
  });

  test("is none when one Olla stands in front of another one", async () => {
    await using upstream = new FakeUpstream({ kind: "vllm" });
    await using inner = await startOlla({ endpoints: [{ name: "gpu", url: upstream.url, type: "vllm" }] });
    await using outer = await startOlla({
      endpoints: [
        { name: "inner", url: `${inner.url}/olla/openai`, type: "openai-compatible", preserve_path: true },
      ],
    });
    const answer = await fetch(`${outer.url}/olla/proxy/v1/chat/completions`, {
      method: "POST",
      body: '{"model":"tiny"}',
    });
    expect(answer.status).toBe(200);
    expect(upstream.requests.at(-1)?.header("via")).toMatch(
      /^1\.1 olla\/\S+ \([\da-f-]+\), 1\.1 olla\/\S+ \([\da-f-]+\)$/,
    );
  });

  test("is told in Anthropic's and Ollama's words, too", async () => {
    await using upstream = new FakeUpstream({ kind: "vllm" });
    await using olla = await startOlla({ endpoints: [{ name: "gpu", url: upstream.url, type: "vllm" }] });
    const via = Array(9).fill("1.1 olla/0.1.0").join(", ");
    for (const [path, expected] of [
      ["/v1/messages", { type: "error", error: { type: "api_error", code: "loop_detected" } }],
      ["/api/chat", { error: expect.stringContaining("has been here before"), code: "loop_detected" }],
    ] as const) {
      const answer = await fetch(`${olla.url}${path}`, { method: "POST", headers: { Via: via }, body: "{}" });
      expect(answer.status).toBe(508);
      expect(await answer.json()).toMatchObject(expected);
    }
    using client = await RawClient.connect(olla.port);
    client.request("GET /internal/health HTTP/1.1", [`Via: ${via}`]);
    expect((await client.readResponse()).startLine).toContain("200");
  });
});
