// Which routes are the operators', at which port, and for whom.
import { describe, expect, test } from "bun:test";
import { digestOf } from "../../src/lib/key-digest.ts";
import { createAdminGuard } from "../../src/server/guard/admin-guard.ts";
import { createTestServer, type TestServer } from "./test-server.ts";

const key = "right-admin-key-1234";
const withKey = { headers: { "x-api-key": key } };
const internal = [
  "/internal/status",
  "/internal/status/endpoints",
  "/internal/status/models",
  "/internal/stats/sticky",
  "/internal/stats/translators",
  "/internal/stats/models",
  "/internal/process",
  "/internal/metrics",
];
const pull = { method: "POST", headers: { "X-Olla-Endpoint": "home" }, body: "{}" };
const adminPort = 40999;

interface Changes {
  readonly peer?: string;
  readonly hasKey?: boolean;
  readonly hasPort?: boolean;
}

function serverWith({ peer = "192.168.1.7", hasKey, hasPort }: Changes = {}): TestServer {
  const clock = { now: () => 0, wallTime: () => 0, after: () => () => {}, deadline: () => () => {} };
  const digest = hasKey === true ? digestOf(key) : undefined;
  const server = createTestServer({
    peer,
    settings: { adminPort: hasPort === true ? adminPort : undefined },
    guards: { admin: createAdminGuard({ digest, knowsHost: () => true }, clock) },
  });
  server.addEndpoint({ name: "home" });
  return server;
}

describe("with one port and no admin key", () => {
  test("everybody reads, and only this machine changes something", async () => {
    const server = serverWith();
    for (const path of internal) expect((await server.request(path)).status).toBe(200);
    expect((await server.request("/internal/status", { method: "POST" })).status).toBe(403);
    expect((await server.request("/olla/ollama/api/pull", pull)).status).toBe(403);
    expect((await server.request("/api/pull", pull)).status).toBe(403);
    expect(server.exchanges).toEqual([]);
    const local = serverWith({ peer: "127.0.0.1" });
    expect((await local.request("/internal/status", { method: "POST" })).status).toBe(405);
    expect((await local.request("/olla/ollama/api/pull", pull)).status).toBe(200);
  });

  test("who may not change anything is not told what endpoints there are", async () => {
    const answer = await serverWith().request("/olla/ollama/api/pull", { method: "POST", body: "{}" });
    expect(answer.status).toBe(403);
    expect(await answer.text()).not.toContain("home");
  });
});

describe("with an admin key", () => {
  test.each([...internal, "/internal/nothing", "/%69nternal/status"])("%s asks for it", async (path) => {
    const server = serverWith({ peer: "127.0.0.1", hasKey: true });
    const refused = await server.request(path);
    expect(refused.status).toBe(401);
    expect(refused.headers.get("www-authenticate")).toBe('Bearer realm="Olla admin"');
    expect(refused.headers.get("x-olla-request-id")).toBeString();
    expect(await refused.json()).toMatchObject({ error: { code: "unauthorized", source: "olla" } });
    expect(server.outcomes).toMatchObject([
      { status: 401, ending: "rejected", error: { code: "unauthorized" } },
    ]);
    expect((await server.request(path, withKey)).status).toBe(path.endsWith("nothing") ? 404 : 200);
  });

  test("so does what changes an endpoint, in the words of its API, and nothing else", async () => {
    const server = serverWith({ peer: "127.0.0.1", hasKey: true });
    const refused = await server.request("/olla/ollama/api/pull", pull);
    expect(refused.status).toBe(401);
    expect(refused.headers.get("www-authenticate")).toContain("Bearer");
    expect(await refused.json()).toMatchObject({ error: expect.stringContaining("admin key") });
    expect(server.exchanges).toEqual([]);
    const headers = { ...pull.headers, ...withKey.headers };
    expect((await server.request("/olla/ollama/api/pull", { ...pull, headers })).status).toBe(200);
    for (const path of ["/", "/version", "/internal/health", "/olla/models"]) {
      expect((await server.request(path)).status).toBe(200);
    }
    const chat = { method: "POST", body: "{}" };
    expect((await server.request("/olla/proxy/v1/chat/completions", chat)).status).toBe(200);
  });
});

describe("with a port of its own", () => {
  test.each([...internal, "/internal/nothing", "/%69nternal/status"])(
    "%s is not at the main one",
    async (path) => {
      const elsewhere = await serverWith({ hasPort: true }).request(path);
      expect(elsewhere.status).toBe(404);
      expect(await elsewhere.text()).not.toContain(String(adminPort));
      const here = await serverWith({ hasPort: true, peer: "127.0.0.1" }).request(path);
      expect(here.status).toBe(404);
      expect(await here.text()).toContain(`at port ${adminPort} (server.admin.port)`);
    },
  );

  test("nor is what changes an endpoint", async () => {
    const server = serverWith({ hasPort: true, peer: "127.0.0.1" });
    for (const path of [
      "/olla/ollama/api/pull",
      "/api/pull",
      "/olla/ollama//api/./pull",
      "/olla/proxy/api%2Fpull",
    ]) {
      const answer = await server.request(path, pull);
      expect(answer.status).toBe(404);
      expect(await answer.text()).toContain(`at port ${adminPort}`);
    }
    expect(server.outcomes).toHaveLength(4);
    expect(server.exchanges).toEqual([]);
    expect((await server.requestAdmin("/olla/ollama/api/pull", pull)).status).toBe(200);
    expect(server.exchanges).toHaveLength(1);
  });

  test("it has what operators need, and nothing of what clients do", async () => {
    const server = serverWith({ hasPort: true });
    for (const path of [...internal, "/internal/health", "/", "/version"]) {
      expect((await server.requestAdmin(path)).status).toBe(200);
    }
    expect(await (await server.requestAdmin("/")).json()).toMatchObject({
      routes: { direct: expect.arrayContaining(["/internal/status"]), proxied: [] },
    });
    const refused = [
      "/olla/models",
      "/olla/proxy/v1/models",
      "/v1/models",
      "/olla/anthropic/v1/models",
      "/olla/none",
    ];
    for (const path of refused) expect((await server.requestAdmin(path)).status).toBe(404);
    const chat = await server.requestAdmin("/olla/proxy/v1/chat/completions", { method: "POST", body: "{}" });
    expect(chat.status).toBe(404);
    expect(await chat.text()).toContain("server.port");
    expect(server.exchanges).toEqual([]);
  });

  test("health is at both, and the main one goes on for clients", async () => {
    const server = serverWith({ hasPort: true });
    expect((await server.request("/internal/health")).status).toBe(200);
    expect((await server.request("/internal/health", { method: "POST" })).status).toBe(405);
    expect((await server.request("/olla/models")).status).toBe(200);
    expect(await (await server.request("/")).text()).not.toContain("/internal/status");
  });

  test("asks for the key there, too", async () => {
    const server = serverWith({ hasPort: true, hasKey: true });
    expect((await server.requestAdmin("/internal/status")).status).toBe(401);
    expect((await server.requestAdmin("/internal/status", withKey)).status).toBe(200);
  });
});
