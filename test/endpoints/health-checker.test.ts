import { afterEach, describe, expect, test } from "bun:test";
import type { Endpoint } from "../../src/endpoints/endpoint.ts";
import { EndpointRegistry } from "../../src/endpoints/endpoint-registry.ts";
import { HealthChecker } from "../../src/endpoints/health-checker.ts";
import type { Probe } from "../../src/endpoints/probe.ts";
import { judgeAnswer, judgeFailure, type ProbeResult } from "../../src/endpoints/probe-result.ts";
import { helpFor } from "../../src/errors.ts";
import { createFakeClock } from "../support/fake-clock.ts";
import { recordingLogger, sampleEndpoint } from "./endpoint-samples.ts";

const checkers: HealthChecker[] = [];

afterEach(async () => {
  for (const checker of checkers.splice(0)) await checker.stop();
});

interface SetUp {
  readonly endpoints?: readonly Endpoint[];
  /** What a check of the endpoint finds; 200 unless said otherwise. */
  readonly find?: (endpoint: Endpoint, signal: AbortSignal) => number | "refused" | Promise<number>;
  readonly concurrency?: number;
}

function setUp({ endpoints = [sampleEndpoint()], find = () => 200, concurrency = 5 }: SetUp = {}) {
  const clock = createFakeClock();
  const logger = recordingLogger();
  const registry = new EndpointRegistry(endpoints, { clock, logger });
  const probed: string[] = [];
  const probe: Probe = async (endpoint, signal) => {
    probed.push(`${endpoint.name}@${clock.now()}`);
    const times = { startedAt: clock.now(), latencyMs: 1 };
    const found = await find(endpoint, signal);
    return judge(found, times);
  };
  const checker = new HealthChecker({ registry, probe, clock, logger, concurrency });
  checkers.push(checker);
  return { clock, logger, registry, checker, probed };
}

function judge(found: number | "refused", times: { startedAt: number; latencyMs: number }): ProbeResult {
  if (found === "refused")
    return judgeFailure(Object.assign(new Error("x"), { code: "ECONNREFUSED" }), times);
  return judgeAnswer({ httpStatus: found, retryAfter: null, wallTime: 0 }, 1, times);
}

describe("the schedule", () => {
  test("checks everything at the start and each endpoint at its own interval", async () => {
    const { clock, checker, probed } = setUp({
      endpoints: [
        sampleEndpoint({ name: "fast", checkIntervalMs: 1_000 }),
        sampleEndpoint({ name: "slow", checkIntervalMs: 2_500 }),
      ],
    });
    checker.start();
    await clock.advanceAsync(3_000);
    expect(probed).toEqual(["fast@0", "slow@0", "fast@1000", "fast@2000", "slow@2500", "fast@3000"]);
  });

  test("backs off, and waits for the breaker's end", async () => {
    const { clock, checker, probed, registry } = setUp({ find: () => "refused" });
    checker.start();
    await clock.advanceAsync(160_000);
    expect(probed.map((check) => Math.round(Number(check.split("@")[1]) / 1_000))).toEqual([
      0, 5, 15, 45, 85, 145,
    ]);
    expect(registry.byName("box")?.health).toMatchObject({ status: "offline", consecutiveFailures: 6 });
  });

  test("has one timer, set to the earliest check, and none after stop", async () => {
    const { clock, checker } = setUp({
      endpoints: ["a", "b", "c"].map((name) => sampleEndpoint({ name, checkIntervalMs: 60_000 })),
    });
    checker.start();
    await clock.settle();
    expect(clock.pendingTimers()).toBe(1);
    expect(clock.nextDelay()).toBe(60_000);
    await checker.stop();
    expect(clock.pendingTimers()).toBe(0);
  });

  test("puts an endpoint that traffic found dead on its back-off", async () => {
    const { clock, checker, registry, probed } = setUp();
    checker.start();
    await clock.advanceAsync(3_000);
    registry.reportFailure("box", clock.now());
    expect(registry.byName("box")?.health.status).toBe("offline");
    await clock.advanceAsync(5_000);
    expect(probed).toEqual(["box@0", "box@8000"]);
    expect(registry.byName("box")?.health.status).toBe("healthy");
  });

  test("takes in endpoints that come later and forgets those that go", async () => {
    const { clock, checker, registry, probed } = setUp();
    checker.start();
    await clock.advanceAsync(1_000);
    registry.replaceAll([sampleEndpoint({ name: "new" })]);
    await clock.advanceAsync(5_000);
    expect(probed).toEqual(["box@0", "new@1000", "new@6000"]);
  });

  test("copes with an interval longer than a timer can be", async () => {
    const { clock, checker, probed } = setUp({ endpoints: [sampleEndpoint({ checkIntervalMs: 2 ** 40 })] });
    checker.start();
    await clock.settle();
    expect(clock.nextDelay()).toBe(2 ** 31 - 1);
    await clock.advanceAsync(2 ** 31);
    expect(probed).toEqual(["box@0"]);
  });
});

describe("concurrency", () => {
  test("is bounded, and a waiting check follows", async () => {
    const gates: (() => void)[] = [];
    const { clock, checker, probed } = setUp({
      endpoints: ["a", "b", "c"].map((name) => sampleEndpoint({ name })),
      concurrency: 2,
      find: () => new Promise((resolve) => gates.push(() => resolve(200))),
    });
    checker.start();
    await clock.settle();
    expect(probed).toEqual(["a@0", "b@0"]);
    gates[0]?.();
    await clock.settle();
    expect(probed).toEqual(["a@0", "b@0", "c@0"]);
    for (const open of gates) open();
  });

  test("never checks one endpoint twice at once; whoever asks joins", async () => {
    let open = () => {};
    const { clock, checker, probed, registry } = setUp({
      find: () =>
        new Promise((resolve) => {
          open = () => resolve(200);
        }),
    });
    checker.start();
    await clock.advanceAsync(30_000);
    const joined = Promise.all([checker.checkNow("box"), checker.checkNow()]);
    await clock.settle();
    expect(probed).toEqual(["box@0"]);
    open();
    await joined;
    expect(registry.byName("box")?.health.status).toBe("healthy");
    expect(probed).toEqual(["box@0"]);
  });

  test("one endpoint that hangs delays no other", async () => {
    const { clock, checker, probed } = setUp({
      endpoints: [sampleEndpoint({ name: "stuck" }), sampleEndpoint({ name: "fine" })],
      find: ({ name }, signal) =>
        name === "fine"
          ? 200
          : new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
    });
    checker.start();
    await clock.advanceAsync(10_000);
    expect(probed).toEqual(["stuck@0", "fine@0", "fine@5000", "fine@10000"]);
  });
});

describe("asking for a check", () => {
  test("checks at once and resolves with the result in place", async () => {
    const { checker, registry, probed } = setUp({
      endpoints: [sampleEndpoint({ name: "a" }), sampleEndpoint({ name: "b" })],
    });
    await checker.checkNow("b");
    expect(probed).toEqual(["b@0"]);
    expect(registry.byName("b")?.health.status).toBe("healthy");
    expect(registry.byName("a")?.health.status).toBe("unknown");
    await checker.checkNow("ghost");
    await checker.checkNow();
    expect(probed).toEqual(["b@0", "a@0", "b@0"]);
  });

  test("does not get past an open breaker", async () => {
    const { checker, clock, probed, registry } = setUp({ find: () => "refused" });
    for (let check = 0; check < 4; check += 1) {
      await checker.checkNow("box");
      clock.advance(1_000);
    }
    expect(probed).toEqual(["box@0", "box@1000", "box@2000"]);
    expect(registry.byName("box")?.health.consecutiveFailures).toBe(3);
  });
});

test("a check that throws is a failure with back-off and ends nothing", async () => {
  const { clock, checker, probed, registry, logger } = setUp({
    find: () => {
      throw new TypeError("broken probe");
    },
  });
  checker.start();
  await clock.advanceAsync(6_000);
  expect(probed).toEqual(["box@0", "box@5000"]);
  expect(registry.byName("box")?.health).toMatchObject({ status: "unhealthy", consecutiveFailures: 2 });
  expect(logger.records.some((record) => record.level === "error")).toBe(true);
});

test("stopping ends a check under way without a verdict", async () => {
  const { clock, checker, registry } = setUp({
    find: (_endpoint, signal) =>
      new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
  });
  checker.start();
  await clock.settle();
  await checker.stop();
  expect(registry.byName("box")?.health.status).toBe("unknown");
  expect(clock.pendingTimers()).toBe(0);
});

test("a result about a URL that was replaced meanwhile is dropped", async () => {
  let open = () => {};
  const { clock, checker, registry } = setUp({
    find: () =>
      new Promise((resolve) => {
        open = () => resolve(200);
      }),
  });
  checker.start();
  await clock.settle();
  registry.replaceAll([sampleEndpoint({ url: "http://elsewhere.invalid" })]);
  open();
  await clock.settle();
  expect(registry.byName("box")?.health.status).toBe("unknown");
});

test("logs every change, and every fifth failure in a row", async () => {
  let found: number | "refused" = 200;
  const { clock, checker, logger } = setUp({ find: () => found });
  checker.start();
  await clock.advanceAsync(1_000);
  found = 500;
  await clock.advanceAsync(600_000);
  found = 200;
  await clock.advanceAsync(120_000);
  const lines = logger.records.map(({ level, message, fields }) => [level, message, fields?.failures]);
  expect(lines[0]).toEqual(["info", "Endpoint box is healthy", 0]);
  expect(lines[1]).toEqual(["warn", "Endpoint box is unhealthy", 1]);
  expect(lines[2]).toEqual(["warn", "Endpoint box is still unhealthy", 5]);
  expect(lines[3]).toEqual(["warn", "Endpoint box is still unhealthy", 10]);
  expect(lines.at(-1)).toEqual(["info", "Endpoint box is healthy", 0]);
  expect(logger.records[2]?.fields).toMatchObject({ http_status: 500 });
});

test("a failure that has a code of its own is told with the place that explains it", async () => {
  const { clock, checker, logger } = setUp({ find: () => "refused" });
  checker.start();
  await clock.advanceAsync(600_000);
  const told = logger.records.find(({ message }) => message.startsWith("Endpoint box is still"));
  expect(told?.fields).toMatchObject({ error: "connect_refused", help: helpFor("connect_refused") });
});
