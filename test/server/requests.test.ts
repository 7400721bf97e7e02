// The lists of requests that have ended: who may see them, and what may be asked.
import { describe, expect, test } from "bun:test";
import { digestOf } from "../../src/lib/key-digest.ts";
import type { Outcome } from "../../src/observe/outcome.ts";
import { RecentRequests } from "../../src/observe/recent-requests.ts";
import type { RequestQuestion } from "../../src/observe/request-history.ts";
import { createAdminGuard } from "../../src/server/guard/admin-guard.ts";
import { createTestServer, outcomeOf, type TestServer } from "./test-server.ts";

interface Setting {
  readonly server: TestServer;
  readonly questions: RequestQuestion[];
}

/** The fake clock's wall time. */
const now = Date.UTC(2026, 0, 1);

function serverWith(
  outcomes: readonly Partial<Outcome>[] = [],
  peer = "127.0.0.1",
  digest?: string,
): Setting {
  const recent = new RecentRequests();
  for (const outcome of outcomes) recent.add(outcomeOf(outcome));
  const questions: RequestQuestion[] = [];
  const history = {
    async list(question: RequestQuestion) {
      questions.push(question);
      return recent.list(question);
    },
    find: async (id: string) => recent.find(id),
  };
  const clock = { now: () => 0, wallTime: () => 0, after: () => () => {}, deadline: () => () => {} };
  const admin = createAdminGuard({ digest, knowsHost: () => true }, clock);
  return { server: createTestServer({ peer, guards: { admin }, history }), questions };
}

interface Refusal {
  readonly error: { readonly message: string; readonly param: string };
}

describe("who may look", () => {
  const paths = ["/internal/requests", "/internal/requests/test-request"];

  test.each(paths)("%s: without an admin key only programs on this machine", async (path) => {
    expect((await serverWith([{}], "192.168.1.7").server.request(path)).status).toBe(403);
    expect((await serverWith([{}]).server.request(path)).status).toBe(200);
    const page = { headers: { Origin: "https://elsewhere.example" } };
    expect((await serverWith([{}]).server.request(path, page)).status).toBe(403);
  });

  test.each(paths)("%s: with one whoever has it", async (path) => {
    const { server } = serverWith([{}], "192.168.1.7", digestOf("right-admin-key-1234"));
    expect((await server.request(path)).status).toBe(401);
    const headers = { Authorization: "Bearer right-admin-key-1234" };
    expect((await server.request(path, { headers })).status).toBe(200);
  });

  test.each(paths)("%s can only be read", async (path) => {
    const answer = await serverWith([{}]).server.request(path, { method: "DELETE" });
    expect([answer.status, answer.headers.get("allow")]).toEqual([405, "GET, HEAD, OPTIONS"]);
  });

  test("they are among the routes", async () => {
    const text = await (await serverWith().server.request("/")).text();
    for (const path of ["/internal/requests", "/internal/requests/{id}"]) expect(text).toContain(`"${path}"`);
  });
});

describe("what is asked", () => {
  test("nothing: the last fifty", async () => {
    const setting = serverWith([{}]);
    const answer = await setting.server.request("/internal/requests?endpoint=&limit=&status=&since=");
    expect(await answer.json()).toEqual({
      timestamp: "2026-01-01T00:00:00.000Z",
      source: "memory",
      requests: [expect.objectContaining({ id: "test-request", time: "2026-01-01T00:00:00.000Z" })],
      next: null,
    });
    expect(setting.questions).toEqual([{ limit: 50, before: undefined, filter: {} }]);
  });

  test.each([
    ["status=503", { status: { from: 503, to: 503 } }],
    ["status=5xx", { status: { from: 500, to: 599 } }],
    ["status=4XX", { status: { from: 400, to: 499 } }],
    ["since=15m", { since: now - 900_000 }],
    ["until=1h30m", { until: now - 5_400_000 }],
    ["since=0", { since: now }],
    ["since=2025-12-31T23:00:00Z", { since: now - 3_600_000 }],
    ["since=2026-01-01T00:00:00%2B01:00", { since: now - 3_600_000 }],
    ["since=2026-01-01T00:00:00+01:00", { since: now - 3_600_000 }],
    ["since=2026-01-01T00:00:00.500Z", { since: now + 500 }],
    [
      "endpoint=a*&model=m%2Fx&key=k&route=openai&ending=client-abort&id=i%26j",
      { endpoint: "a*", model: "m/x", key: "k", route: "openai", ending: "client-abort", id: "i&j" },
    ],
  ])("%s", async (query, filter) => {
    const setting = serverWith();
    expect((await setting.server.request(`/internal/requests?${query}`)).status).toBe(200);
    expect(setting.questions[0]?.filter).toEqual(filter);
  });

  test.each([
    ["status=600", "status"],
    ["status=5x", "status"],
    ["status=0xx", "status"],
    ["limit=0", "limit"],
    ["limit=501", "limit"],
    ["limit=1.5", "limit"],
    ["limit=-1", "limit"],
    ["limit=99999999999999999999", "limit"],
    ["since=yesterday", "since"],
    ["since=15", "since"],
    ["until=-15m", "until"],
    ["until=2026-13-01T00:00:00Z", "until"],
    ["since=2026-01-01T00:00:00", "since"],
    ["before=x", "before"],
    ["before=d1", "before"],
    ["model=a&model=b", "model"],
    ["endpiont=a", "endpiont"],
    ["__proto__=a", "__proto__"],
  ])("%s is refused with the name of what is wrong", async (query, name) => {
    const answer = await serverWith().server.request(`/internal/requests?${query}`);
    const { error } = (await answer.json()) as Refusal;
    expect([answer.status, error.param, error.message.split(": ", 1)[0]]).toEqual([400, name, name]);
  });

  test("a page leads to the next one", async () => {
    const { server } = serverWith(["a", "b", "c"].map((requestId) => ({ requestId })));
    const page = async (query: string) => {
      const answer = await server.request(`/internal/requests?limit=2${query}`);
      return (await answer.json()) as { requests: { id: string }[]; next: string | null };
    };
    const { requests, next } = await page("");
    expect(requests.map(({ id }) => id)).toEqual(["c", "b"]);
    const rest = await page(`&before=${next}`);
    expect([rest.requests.map(({ id }) => id), rest.next]).toEqual([["a"], null]);
  });
});

describe("one request", () => {
  const visible = Array.from({ length: 0x7e - 0x21 + 1 }, (_, index) => String.fromCharCode(0x21 + index));

  test.each([visible.join(""), "a/b", "a//b/", "/a", "100%", "%2F", "a?b#c", "x/../y", "cancel", "a;b", "+"])(
    "%s is found by its id",
    async (requestId) => {
      const { server } = serverWith([{ requestId, status: 500 }, { requestId }, { requestId: "other" }]);
      const answer = await server.request(`/internal/requests/${encodeURIComponent(requestId)}`);
      expect(await answer.json()).toMatchObject({
        request: { id: requestId, status: 200, time: "2026-01-01T00:00:00.000Z" },
        trace: { attempts: [{ endpoint: "alpha" }], timings: { duration_ms: 250 } },
        others: 1,
      });
    },
  );

  test.each(["none", "%", "%ff"])("%s is not there", async (id) => {
    const answer = await serverWith([{}]).server.request(`/internal/requests/${id}`);
    expect(answer.status).toBe(404);
    expect(await answer.json()).toMatchObject({ error: { code: "request_not_found" } });
  });
});
