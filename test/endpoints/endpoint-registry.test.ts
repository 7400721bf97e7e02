import { describe, expect, test } from "bun:test";
import { EndpointRegistry, type StatusChange } from "../../src/endpoints/endpoint-registry.ts";
import { judgeAnswer, judgeFailure, type ProbeResult } from "../../src/endpoints/probe-result.ts";
import { createFakeClock } from "../support/fake-clock.ts";
import { recordingLogger, sampleEndpoint } from "./endpoint-samples.ts";

function setUp(names: readonly string[] = ["a", "b", "c"]) {
  const clock = createFakeClock();
  const logger = recordingLogger();
  const registry = new EndpointRegistry(
    names.map((name) => sampleEndpoint({ name })),
    { clock, logger },
  );
  const times = () => ({ startedAt: clock.now(), latencyMs: 1 });
  const answer = (httpStatus: number): ProbeResult =>
    judgeAnswer({ httpStatus, retryAfter: null, wallTime: clock.wallTime() }, 1, times());
  const refusal = (): ProbeResult =>
    judgeFailure(Object.assign(new Error("x"), { code: "ECONNREFUSED" }), times());
  const statuses = () => registry.snapshot().map((state) => state.health.status);
  return { clock, logger, registry, answer, refusal, statuses };
}

describe("a snapshot", () => {
  test("is in configuration order and the same until something changes", () => {
    const { registry, answer, statuses } = setUp();
    const first = registry.snapshot();
    expect(first.map((state) => state.endpoint.name)).toEqual(["a", "b", "c"]);
    expect(registry.snapshot()).toBe(first);
    registry.reportSuccess("b");
    expect(registry.snapshot()).toBe(first);
    registry.applyProbe("b", answer(200));
    expect(registry.snapshot()).not.toBe(first);
    expect(first[1]?.health.status).toBe("unknown");
    expect(statuses()).toEqual(["unknown", "healthy", "unknown"]);
  });

  test("has an edition that is another one only when requests may be routed otherwise", () => {
    const { registry, answer, refusal } = setUp();
    const editions = [registry.edition];
    const act = (change: () => void) => {
      change();
      editions.push(registry.edition);
    };
    const isSame = () => editions.at(-1) === editions.at(-2);
    act(() => registry.applyProbe("b", answer(200)));
    expect(isSame()).toBe(false);
    act(() => registry.applyProbe("b", answer(200)));
    expect(isSame()).toBe(true);
    act(() => registry.reportSuccess("b"));
    expect(isSame()).toBe(true);
    act(() => registry.setDraining("b", true));
    expect(isSame()).toBe(false);
    act(() => registry.setDraining("b", true));
    expect(isSame()).toBe(true);
    act(() => registry.applyProbe("b", refusal()));
    expect(isSame()).toBe(false);
    act(() => registry.replaceEndpoint(sampleEndpoint({ name: "a" })));
    expect(isSame()).toBe(false);
    act(() => registry.replaceAll([sampleEndpoint({ name: "a" })]));
    expect(isSame()).toBe(false);
    expect(new Set(editions).size).toBe(6);
  });

  test("ignores names that are not there", () => {
    const { registry, answer } = setUp();
    const first = registry.snapshot();
    registry.applyProbe("ghost", answer(200));
    registry.reportFailure("ghost", 0);
    registry.reportSuccess("ghost");
    registry.replaceEndpoint(sampleEndpoint({ name: "ghost" }));
    expect(registry.beginProbe("ghost")).toBeUndefined();
    expect(registry.byName("ghost")).toBeUndefined();
    expect(registry.contactAgeMs("ghost")).toBe(Number.POSITIVE_INFINITY);
    expect(registry.snapshot()).toBe(first);
  });
});

describe("a status change", () => {
  test("reaches every listener with its cause, until it leaves", () => {
    const { registry, answer, clock } = setUp();
    const seen: string[] = [];
    const note = ({ endpoint, from, to, cause }: StatusChange) =>
      seen.push(`${endpoint.name} ${from} ${to} ${cause}`);
    const leave = registry.onStatusChange(note);
    registry.applyProbe("a", answer(200));
    registry.applyProbe("a", answer(200));
    clock.advance(1_000);
    registry.reportFailure("a", clock.now());
    registry.reportFailure("a", clock.now());
    expect(seen).toEqual(["a unknown healthy probe", "a healthy offline traffic"]);
    leave();
    clock.advance(5_000);
    registry.applyProbe("a", answer(200));
    expect(seen).toHaveLength(2);
  });

  test("shows listeners the new snapshot", () => {
    const { registry, answer } = setUp();
    let seen: string | undefined;
    registry.onStatusChange(() => {
      seen = registry.byName("a")?.health.status;
    });
    registry.applyProbe("a", answer(200));
    expect(seen).toBe("healthy");
  });

  test("survives a listener that throws, and says so", () => {
    const { registry, answer, logger } = setUp();
    let calls = 0;
    registry.onStatusChange(() => {
      throw new Error("broken listener");
    });
    registry.onStatusChange(() => {
      calls += 1;
    });
    registry.applyProbe("a", answer(200));
    expect(calls).toBe(1);
    expect(logger.records).toMatchObject([{ level: "error" }]);
    expect(String(logger.records[0]?.fields?.error)).toContain("broken listener");
  });
});

test("contact is a request answered or a probe answered with any status", () => {
  const { registry, answer, refusal, clock } = setUp();
  expect(registry.contactAgeMs("a")).toBe(Number.POSITIVE_INFINITY);
  registry.applyProbe("a", refusal());
  expect(registry.contactAgeMs("a")).toBe(Number.POSITIVE_INFINITY);
  registry.applyProbe("a", answer(500));
  clock.advance(700);
  expect(registry.contactAgeMs("a")).toBe(700);
  registry.reportSuccess("a");
  clock.advance(30);
  expect(registry.contactAgeMs("a")).toBe(30);
});

test("an endpoint is lost at the second check in a row that cannot connect, and told once", () => {
  const { registry, answer, refusal, clock } = setUp();
  const lost: string[] = [];
  registry.onEndpointLost((endpoint) => lost.push(endpoint.name));
  for (const result of [answer(200), refusal()]) registry.applyProbe("a", result);
  expect(lost).toEqual([]);
  clock.advance(5_000);
  registry.applyProbe("a", refusal());
  registry.applyProbe("a", refusal());
  expect(lost).toEqual(["a"]);
  registry.applyProbe("a", answer(200));
  registry.applyProbe("a", refusal());
  registry.applyProbe("a", answer(500));
  registry.applyProbe("a", refusal());
  expect(lost).toEqual(["a"]);
  registry.applyProbe("a", refusal());
  expect(lost).toEqual(["a", "a"]);
});

describe("a replacement", () => {
  test("of one endpoint keeps health and place", () => {
    const { registry, answer, statuses } = setUp();
    registry.applyProbe("b", answer(200));
    registry.replaceEndpoint(sampleEndpoint({ name: "b", priority: 7 }));
    expect(statuses()).toEqual(["unknown", "healthy", "unknown"]);
    expect(registry.snapshot()[1]?.endpoint.priority).toBe(7);
  });

  test("of everything keeps the health of the same name and URL only", () => {
    const { registry, answer } = setUp();
    for (const name of ["a", "b", "c"]) registry.applyProbe(name, answer(200));
    let calls = 0;
    registry.onEndpointsReplaced(() => {
      calls += 1;
    });
    registry.replaceAll([
      sampleEndpoint({ name: "d" }),
      sampleEndpoint({ name: "b", url: "http://elsewhere.invalid" }),
      sampleEndpoint({ name: "a", weight: 3 }),
    ]);
    const seen = registry.snapshot().map((state) => [state.endpoint.name, state.health.status]);
    expect(seen).toEqual([
      ["d", "unknown"],
      ["b", "unknown"],
      ["a", "healthy"],
    ]);
    expect(registry.byName("c")).toBeUndefined();
    expect(registry.byName("a")?.endpoint.weight).toBe(3);
    expect(registry.contactAgeMs("a")).toBe(0);
    expect(registry.contactAgeMs("b")).toBe(Number.POSITIVE_INFINITY);
    expect(registry.contactAgeMs("c")).toBe(Number.POSITIVE_INFINITY);
    expect(calls).toBe(1);
  });
});

test("an open probe breaker refuses checks until its trial", () => {
  const { registry, refusal, clock } = setUp(["a"]);
  for (let check = 0; check < 3; check += 1) {
    expect(registry.beginProbe("a")).toEqual({ token: undefined });
    registry.applyProbe("a", refusal());
  }
  expect(registry.beginProbe("a")).toBeUndefined();
  clock.advance(30_001);
  const trial = registry.beginProbe("a");
  expect(trial?.token).toBe(1);
  expect(registry.beginProbe("a")).toBeUndefined();
});
