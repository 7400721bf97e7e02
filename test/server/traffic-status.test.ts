import { describe, expect, test } from "bun:test";
import { ConnectionCounts } from "../../src/balancer/connections.ts";
import { Admission } from "../../src/proxy/admission.ts";
import { BreakerSet } from "../../src/proxy/breakers.ts";
import { Cooldowns } from "../../src/proxy/cooldown.ts";
import { createTestServer, type TestServer } from "./test-server.ts";

type Json = Readonly<Record<string, unknown>>;

interface TrafficServer extends TestServer {
  readonly breakers: BreakerSet;
  readonly admission: Admission;
  readonly cooldowns: Cooldowns;
}

/** Endpoint alpha has a limit of one request at once, beta none. */
function trafficServer(): TrafficServer {
  const parts: Partial<Pick<TrafficServer, "breakers" | "admission" | "cooldowns">> = {};
  const server = createTestServer({
    traffic(clock) {
      const limitOf = (name: string) => (name === "alpha" ? 1 : 0);
      const connections = new ConnectionCounts();
      const admission = new Admission({
        limitOf,
        lowestLimit: () => 1,
        queueMax: 1,
        queueTimeoutMs: 30_000,
        clock,
        connections,
      });
      const cooldowns = new Cooldowns({ clock, maxMs: 600_000 });
      const breakers = new BreakerSet({
        clock,
        settings: {
          failureThreshold: 1,
          openMs: 30_000,
          failureRate: 0,
          windowMs: 60_000,
          trialLossMs: 60_000,
        },
        onTransition() {},
      });
      Object.assign(parts, { breakers, admission, cooldowns });
      return {
        breakers,
        cooldowns,
        queues: {
          limitOf,
          queueDepth: (name) => admission.queueDepth(name),
          waiting: () => admission.waiting(),
          waitTotals: () => admission.waitTotals(),
        },
      };
    },
  });
  server.addEndpoint({ name: "alpha", priority: 100 });
  server.addEndpoint({ name: "beta", priority: 50 });
  return Object.assign(server, parts as Required<typeof parts>);
}

async function readJson(server: TestServer, path: string): Promise<Json> {
  return (await (await server.request(path)).json()) as Json;
}

const membersShown = ["circuit_breaker", "queue", "cooldown_until", "cooldown_models"];

async function endpointRow(server: TestServer, path: string, name: string): Promise<Json> {
  const { endpoints } = (await readJson(server, path)) as { endpoints: Json[] };
  const row = endpoints.find((each) => each.name === name) ?? {};
  return Object.fromEntries(Object.entries(row).filter(([member]) => membersShown.includes(member)));
}

const retryAfter = (seconds: number, status: number) => ({
  status,
  headers: new Headers({ "retry-after": String(seconds) }),
});

describe.each(["/internal/status", "/internal/status/endpoints"])("%s", (path) => {
  test("says when nothing keeps requests away, and of queues only where there is a limit", async () => {
    const server = trafficServer();
    expect(await endpointRow(server, path, "alpha")).toEqual({
      circuit_breaker: { state: "closed" },
      queue: { depth: 0, limit: 1 },
    });
    expect(await endpointRow(server, path, "beta")).toEqual({ circuit_breaker: { state: "closed" } });
  });

  test("without breakers, queues and cooldowns there is nothing to say", async () => {
    const server = createTestServer();
    server.addEndpoint({ name: "alpha" });
    expect(await endpointRow(server, path, "alpha")).toEqual({});
  });

  test("shows an open breaker with the time until its trial, then half-open", async () => {
    const server = trafficServer();
    server.breakers.admit("beta", undefined)?.failure("connection");
    server.clock.advance(10_500);
    const open = { circuit_breaker: { state: "open", retry_in: "20s" } };
    expect(await endpointRow(server, path, "beta")).toEqual(open);
    server.clock.advance(20_000);
    expect(await endpointRow(server, path, "beta")).toEqual({ circuit_breaker: { state: "half-open" } });
  });

  test("shows a model that alone is closed off", async () => {
    const server = trafficServer();
    server.breakers.admit("beta", "tiny")?.failure("server-error");
    expect(await endpointRow(server, path, "beta")).toEqual({
      circuit_breaker: { state: "closed", models: [{ model: "tiny", state: "open", retry_in: "30s" }] },
    });
  });

  test("shows until when an endpoint or a model is left alone, and nothing afterwards", async () => {
    const server = trafficServer();
    server.cooldowns.note("beta", "tiny", retryAfter(60, 503));
    server.cooldowns.note("beta", "tiny", retryAfter(90, 429));
    expect(await endpointRow(server, path, "beta")).toMatchObject({
      cooldown_until: "2026-01-01T00:01:00.000Z",
      cooldown_models: [{ model: "tiny", until: "2026-01-01T00:01:30.000Z" }],
    });
    server.clock.advance(90_000);
    expect(await endpointRow(server, path, "beta")).toEqual({ circuit_breaker: { state: "closed" } });
  });

  test("its ETag changes with what is said, not with the time left", async () => {
    const server = trafficServer();
    const etag = async () => (await server.request(path)).headers.get("etag");
    const calm = await etag();
    server.breakers.admit("beta", undefined)?.failure("connection");
    server.cooldowns.note("alpha", undefined, retryAfter(60, 503));
    const troubled = await etag();
    expect(troubled).not.toBe(calm);
    server.clock.advance(5_400);
    expect(await etag()).toBe(troubled);
    server.clock.advance(60_000);
    expect(await etag()).not.toBe(troubled);
  });
});

test("the system sums up who waited, and what became of them", async () => {
  const server = trafficServer();
  const queueOf = async () => (await readJson(server, "/internal/status")).system as Json;
  expect((await queueOf()).queue).toEqual({
    waiting: 0,
    admitted: 0,
    timed_out: 0,
    refused: 0,
    abandoned: 0,
    longest_wait_ms: 0,
  });
  const release = server.admission.enter("alpha");
  const waiting = server.admission.wait(["alpha"], new AbortController().signal);
  const refusal = await server.admission.wait(["alpha"], new AbortController().signal).catch(String);
  expect(refusal).toContain("queue is full");
  expect(await endpointRow(server, "/internal/status", "alpha")).toMatchObject({ queue: { depth: 1 } });
  expect((await queueOf()).queue).toMatchObject({ waiting: 1, refused: 1 });
  server.clock.advance(1_500);
  release();
  await waiting;
  expect((await queueOf()).queue).toMatchObject({ waiting: 0, admitted: 1, longest_wait_ms: 1500 });
});
