import { afterEach, describe, expect, test } from "bun:test";
import type { Endpoint } from "../../src/endpoints/endpoint.ts";
import { EndpointRegistry } from "../../src/endpoints/endpoint-registry.ts";
import { HealthChecker } from "../../src/endpoints/health-checker.ts";
import { createProbe, type Probe, retryDelay } from "../../src/endpoints/probe.ts";
import { systemClock } from "../../src/lib/clock.ts";
import type { FetchLike } from "../../src/lib/http-get.ts";
import { Secret } from "../../src/lib/secret.ts";
import { blackHoleObstacle, openBlackHole } from "../support/black-hole.ts";
import { findDeadPort } from "../support/dead-port.ts";
import { createFakeClock } from "../support/fake-clock.ts";
import { type Behaviour, type Exchange, SocketServer } from "../support/socket-server.ts";
import { waitUntil } from "../support/wait-until.ts";
import { recordingLogger, sampleEndpoint } from "./endpoint-samples.ts";

const servers: SocketServer[] = [];

afterEach(async () => {
  for (const server of servers.splice(0)) await server[Symbol.asyncDispose]();
});

function serve(behave: Behaviour): SocketServer {
  const server = new SocketServer(behave);
  servers.push(server);
  return server;
}

const never = new AbortController().signal;
const probe: Probe = createProbe({ version: "1.2.3" });

function probeServer(behave: Behaviour, overrides: Partial<Endpoint> = {}) {
  return probe(sampleEndpoint({ url: serve(behave).url, checkTimeoutMs: 5_000, ...overrides }), never);
}

describe("against a real socket a probe", () => {
  test.each([
    [200, "healthy"],
    [401, "config_error"],
    [403, "config_error"],
    [404, "unhealthy"],
    [500, "unhealthy"],
    [503, "unhealthy"],
  ])("takes %d as final: %s", async (httpStatus, status) => {
    let requests = 0;
    const result = await probeServer((exchange) => {
      requests += 1;
      return exchange.respond(httpStatus, {}, "text");
    });
    expect(result).toMatchObject({ status, httpStatus, failure: undefined });
    expect(requests).toBe(1);
  });
  test("of an endpoint whose kind is not known yet doesn't mind a missing front page", async () => {
    const answering = (httpStatus: number) =>
      probeServer((exchange) => exchange.respond(httpStatus, {}, "text"), { isAutoDetected: true });
    expect(await answering(404)).toMatchObject({ status: "healthy" });
    expect(await answering(500)).toMatchObject({ status: "unhealthy" });
  });

  test("heeds Retry-After in seconds and as a date", async () => {
    const limited = (retryAfter: string) =>
      probeServer((exchange) => exchange.respond(429, { "Retry-After": retryAfter }, ""));
    expect(await limited("17")).toMatchObject({ status: "rate_limited", retryAfterMs: 17_000 });
    const { retryAfterMs = 0 } = await limited(new Date(Date.now() + 60_000).toUTCString());
    expect(retryAfterMs).toBeGreaterThan(50_000);
    expect(retryAfterMs).toBeLessThanOrEqual(60_000);
  });

  test("says who it is and sends the endpoint's headers and credential", async () => {
    const seen: Exchange[] = [];
    await probeServer(
      (exchange) => {
        seen.push(exchange);
        return exchange.respond(200, {}, "");
      },
      {
        requestHeaders: [
          ["X-Team", new Secret("blue")],
          ["Authorization", new Secret("Bearer canary-secret")],
        ],
      },
    );
    const [request] = seen;
    expect(request?.method).toBe("GET");
    expect(request?.target).toBe("/health");
    expect(request?.header("User-Agent")).toBe("olla-HealthChecker/1.2.3");
    expect(request?.header("Accept")).toBe("application/json, text/plain, */*");
    expect(request?.header("Cache-Control")).toBe("no-cache");
    expect(request?.header("X-Team")).toBe("blue");
    expect(request?.header("Authorization")).toBe("Bearer canary-secret");
  });

  test("uses a connection of its own each time", async () => {
    const server = serve((exchange) => exchange.respond(200, {}, "ok"));
    const endpoint = sampleEndpoint({ url: server.url });
    await probe(endpoint, never);
    await probe(endpoint, never);
    expect(server.openedConnections).toBe(2);
  });

  test("follows no redirect and takes no credential along", async () => {
    const visitors: string[] = [];
    const other = serve((exchange) => {
      visitors.push(exchange.target);
      return exchange.respond(200, {}, "");
    });
    const result = await probeServer(
      (exchange) => exchange.respond(302, { Location: `${other.url}/stolen` }, ""),
      { requestHeaders: [["Authorization", new Secret("Bearer canary-secret")]] },
    );
    expect(result).toMatchObject({ status: "unhealthy", httpStatus: 302 });
    expect(visitors).toEqual([]);
  });

  test("reads little of a body without end", async () => {
    let written = 0;
    let isLeft = false;
    const piece = "x".repeat(64 * 1024);
    const result = await probeServer(async (exchange) => {
      await exchange.head(200, { "Content-Length": String(100 * 1024 * 1024) });
      const onGone = exchange.gone.then(() => {
        isLeft = true;
      });
      while (!isLeft && written < 100 * 1024 * 1024) {
        await Promise.race([exchange.write(piece), onGone]);
        written += piece.length;
      }
    });
    expect(result).toMatchObject({ status: "healthy", httpStatus: 200 });
    await waitUntil(() => isLeft, { what: "the probe closes its connection" });
    expect(written).toBeLessThan(50 * 1024 * 1024);
  });

  test("gives up on a server that keeps silent, once, and knows that it takes connections", async () => {
    let requests = 0;
    const result = await probeServer(
      () => {
        requests += 1;
      },
      { checkTimeoutMs: 60 },
    );
    expect(result).toMatchObject({ status: "offline", failure: "timeout", httpStatus: undefined });
    expect(requests).toBe(1);
  });

  test.skipIf(blackHoleObstacle !== undefined)(
    `tells a host that takes no connection from one that is busy (${blackHoleObstacle ?? "runs here"})`,
    async () => {
      using hole = await openBlackHole();
      const endpoint = sampleEndpoint({ url: hole.url, checkTimeoutMs: 60 });
      expect(await probe(endpoint, never)).toMatchObject({ status: "offline", failure: "connect_timeout" });
    },
  );

  test("tries a reset twice more", async () => {
    let requests = 0;
    const result = await probeServer(async (exchange) => {
      requests += 1;
      if (requests < 3) exchange.reset();
      else await exchange.respond(200, {}, "");
    });
    expect(result.status).toBe("healthy");
    expect(requests).toBe(3);
  });

  test("calls a closed port offline, after three attempts", async () => {
    const startedAt = performance.now();
    const result = await probe(sampleEndpoint({ url: `http://127.0.0.1:${findDeadPort()}` }), never);
    expect(result).toMatchObject({ status: "offline", failure: "connect_refused" });
    expect(performance.now() - startedAt).toBeGreaterThan(250);
  });

  test("calls an answer that is not HTTP offline", async () => {
    const result = await probeServer(async (exchange) => {
      await exchange.write("this is no HTTP\r\n\r\n");
      exchange.close();
    });
    expect(result).toMatchObject({ status: "offline", failure: "malformed_response" });
  });

  test("ends when it is told to, in whatever it is doing", async () => {
    const hanging = new AbortController();
    const url = serve(() => hanging.abort()).url;
    const outcome = await probe(sampleEndpoint({ url }), hanging.signal).catch((error: Error) => error.name);
    expect(outcome).toBe("AbortError");

    const pausing = new AbortController();
    const refusing = serve((exchange) => {
      exchange.reset();
      pausing.abort();
    }).url;
    const later = await probe(sampleEndpoint({ url: refusing }), pausing.signal).catch(
      (error: Error) => error.name,
    );
    expect(later).toBe("AbortError");
  });
});

describe("attempts within a check", () => {
  function scripted(answers: (Response | Error)[]) {
    const clock = createFakeClock();
    let calls = 0;
    const fetch: FetchLike = async () => {
      const next = answers[calls] ?? answers.at(-1);
      calls += 1;
      if (next instanceof Response) return next;
      throw next;
    };
    const check = createProbe({ version: "0", clock, fetch, random: () => 0.5 });
    return { clock, check, calls: () => calls };
  }
  const failureOf = (code: string) => Object.assign(new TypeError("x"), { code });

  test("are 100 ms and 200 ms apart, and the latency covers them all", async () => {
    const { clock, check, calls } = scripted([failureOf("ECONNRESET")]);
    const running = check(sampleEndpoint(), never);
    await clock.advanceAsync(99);
    expect(calls()).toBe(1);
    await clock.advanceAsync(1);
    expect(calls()).toBe(2);
    await clock.advanceAsync(199);
    expect(calls()).toBe(2);
    await clock.advanceAsync(1);
    expect(calls()).toBe(3);
    expect(await running).toMatchObject({ status: "offline", latencyMs: 300 });
    expect(clock.pendingTimers()).toBe(0);
  });

  test("are not repeated for a fault that is no network's", async () => {
    const { check, calls } = scripted([new TypeError("invalid header")]);
    expect(await check(sampleEndpoint(), never)).toMatchObject({ status: "unhealthy", failure: "other" });
    expect(calls()).toBe(1);
  });

  test("have delays that double, stay within 2 s, and vary by an eighth", () => {
    const plain = [1, 2, 3, 4, 5, 6, 7].map((attempt) => retryDelay(attempt, () => 0.5));
    expect(plain).toEqual([100, 200, 400, 800, 1_600, 2_000, 2_000]);
    expect(retryDelay(1, () => 0)).toBe(87.5);
    expect(retryDelay(1, () => 0.999_999)).toBeCloseTo(112.5, 2);
  });
});

test("the checker, the probe and the registry follow a server that fails and comes back", async () => {
  let status = 200;
  const server = serve((exchange) => exchange.respond(status, {}, ""));
  const logger = recordingLogger();
  const endpoint = sampleEndpoint({
    url: server.url,
    checkIntervalMs: 20,
    requestHeaders: [["Authorization", new Secret("Bearer canary-secret")]],
  });
  const registry = new EndpointRegistry([endpoint], { clock: systemClock, logger });
  const checker = new HealthChecker({ registry, probe, clock: systemClock, logger });
  const statusNow = () => registry.byName("box")?.health.status;
  checker.start();
  try {
    await waitUntil(() => statusNow() === "healthy");
    status = 503;
    await waitUntil(() => statusNow() === "unhealthy");
    status = 401;
    await waitUntil(() => statusNow() === "config_error");
    status = 200;
    await waitUntil(() => statusNow() === "healthy");
  } finally {
    await checker.stop();
  }
  await server.waitForNoConnections();
  expect(JSON.stringify([logger.records, registry.snapshot()])).not.toContain("canary-secret");
});
