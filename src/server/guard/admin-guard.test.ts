import { describe, expect, test } from "bun:test";
import type { OllaError } from "../../errors.ts";
import { digestOf } from "../../lib/key-digest.ts";
import { arrive } from "../arrival.ts";
import { AdminKeyMissing, createAdminGuard } from "./admin-guard.ts";

const key = "right-admin-key-1234";
const right = { Authorization: `Bearer ${key}` };
const wrong = { Authorization: "Bearer wrong-admin-key-123" };

function guarded(digest: string | undefined) {
  let time = 0;
  const clock = { now: () => time, wallTime: () => time, after: () => () => {}, deadline: () => () => {} };
  const guard = createAdminGuard({ digest, knowsHost: () => true }, clock);
  const ask = (
    demand: "requireReader" | "requireAdmin",
    headers: Record<string, string>,
    address = "127.0.0.1",
  ) => {
    const connection = { requestIP: () => ({ address }), timeout: () => {} };
    const arrival = arrive(new Request("http://localhost/internal/status", { headers }), connection, clock);
    try {
      guard[demand](arrival);
      return undefined;
    } catch (error) {
      return error as OllaError;
    }
  };
  return { ask, wait: (ms: number) => (time += ms) };
}

describe("without an admin key", () => {
  const { ask } = guarded(undefined);

  test("everybody may read, and only this machine may do more", () => {
    expect(ask("requireReader", {}, "192.168.1.7")).toBeUndefined();
    expect(ask("requireAdmin", {}, "127.0.0.1")).toBeUndefined();
    expect(ask("requireAdmin", {}, "192.168.1.7")).toMatchObject({ code: "forbidden", status: 403 });
    expect(ask("requireAdmin", right, "192.168.1.7")?.message).toContain("server.admin.key");
  });
});

describe.each(["requireReader", "requireAdmin"] as const)("with an admin key, %s", (demand) => {
  test.each([
    ["Bearer", right],
    ["x-api-key", { "X-API-Key": key }],
    ["the password of Basic, whatever the name", { Authorization: `Basic ${btoa(`anybody:${key}`)}` }],
    ["x-api-key beside a placeholder", { "X-API-Key": key, Authorization: "Bearer none" }],
  ])("takes it as %s, from anywhere", (_way, headers) => {
    expect(guarded(digestOf(key)).ask(demand, headers, "192.168.1.7")).toBeUndefined();
  });

  test.each([
    ["nothing", {}],
    ["another key", wrong],
    ["a part of it", { Authorization: `Bearer ${key.slice(0, -1)}` }],
    ["it in another letter case", { Authorization: `Bearer ${key.toUpperCase()}` }],
    ["its digest", { Authorization: `Bearer ${digestOf(key)}` }],
    ["it twice in one header", { Authorization: `Bearer ${key}, Bearer ${key}` }],
    ["it as another scheme", { Authorization: `Digest ${key}` }],
  ])("refuses %s, from this machine, too, and says what is asked for", (_case, headers) => {
    const error = guarded(digestOf(key)).ask(demand, headers);
    expect(error).toMatchObject({
      code: "unauthorized",
      status: 401,
      challenge: 'Bearer realm="Olla admin"',
    });
    expect(error?.message).not.toContain(key);
  });

  test("has a browser ask its user only where a page was to be shown", () => {
    const error = guarded(digestOf(key)).ask(demand, { "Sec-Fetch-Mode": "navigate" });
    expect(error instanceof AdminKeyMissing && error.challenge).toBe(
      'Basic realm="Olla admin", charset="UTF-8", Bearer realm="Olla admin"',
    );
  });

  test("lets nobody guess on: ten wrong keys of an address, then even the right one waits, and nobody else", () => {
    const { ask, wait } = guarded(digestOf(key));
    for (let round = 0; round < 10; round += 1) expect(ask(demand, wrong, "10.0.0.1")?.status).toBe(401);
    expect(ask(demand, wrong, "10.0.0.1")).toMatchObject({ status: 429, retryAfterSeconds: 6 });
    expect(ask(demand, right, "10.0.0.1")?.status).toBe(429);
    expect(ask(demand, {}, "10.0.0.1")?.status).toBe(401);
    expect(ask(demand, right, "10.0.0.2")).toBeUndefined();
    wait(6_000);
    expect(ask(demand, right, "10.0.0.1")).toBeUndefined();
  });

  test("counts only wrong keys", () => {
    const { ask } = guarded(digestOf(key));
    for (let round = 0; round < 50; round += 1) {
      expect(ask(demand, {}, "10.0.0.1")?.status).toBe(401);
      expect(ask(demand, right, "10.0.0.1")).toBeUndefined();
    }
  });
});
