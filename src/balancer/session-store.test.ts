import { describe, expect, test } from "bun:test";
import type { Clock } from "../lib/clock.ts";
import { SessionStore } from "./session-store.ts";

function setUp(settings: { maxSessions?: number; idleTtlSeconds?: number } = {}) {
  let now = 0;
  const clock: Clock = {
    now: () => now,
    wallTime: () => now,
    after: () => () => {},
    deadline: () => () => {},
  };
  const store = new SessionStore({ maxSessions: 3, idleTtlSeconds: 600, ...settings }, clock);
  const advance = (seconds: number) => {
    now += seconds * 1_000;
  };
  return { store, advance };
}

test("a session is found until it has been idle for its time", () => {
  const { store, advance } = setUp();
  store.bind("a", "alpha");
  advance(600);
  expect(store.peek("a")).toBe("alpha");
  advance(0.001);
  expect(store.peek("a")).toBeUndefined();
});

test("each lookup gives a session its whole time again, a peek does not", () => {
  const { store, advance } = setUp();
  store.bind("a", "alpha");
  store.bind("b", "beta");
  for (let turn = 0; turn < 10; turn++) {
    advance(500);
    expect(store.lookUp("a")).toBe("alpha");
    store.peek("b");
  }
  expect(store.lookUp("b")).toBeUndefined();
  expect(store.statistics()).toMatchObject({ hits: 10, misses: 1, evictions: 1, activeSessions: 1 });
});

test("a session that moves has its whole time again and is no new one", () => {
  const { store, advance } = setUp();
  store.bind("a", "alpha");
  advance(500);
  store.bind("a", "beta");
  advance(500);
  expect(store.lookUp("a")).toBe("beta");
  expect(store.statistics()).toMatchObject({ insertions: 1, evictions: 0 });
});

test("at capacity the longest unused one goes", () => {
  const { store } = setUp();
  for (const key of ["a", "b", "c"]) store.bind(key, "alpha");
  store.lookUp("a");
  store.bind("d", "alpha");
  expect(["a", "b", "c", "d"].map((key) => store.peek(key))).toEqual(["alpha", undefined, "alpha", "alpha"]);
  expect(store.statistics()).toMatchObject({ activeSessions: 3, insertions: 4, evictions: 1 });
});

test("one that expired and comes back was evicted and is new", () => {
  const { store, advance } = setUp();
  store.bind("a", "alpha");
  advance(601);
  store.bind("a", "beta");
  expect(store.statistics()).toMatchObject({ activeSessions: 1, insertions: 2, evictions: 1 });
});

test("expired sessions are not active, though nobody asked for them", () => {
  const { store, advance } = setUp();
  store.bind("a", "alpha");
  advance(300);
  store.bind("b", "alpha");
  advance(301);
  expect(store.statistics()).toEqual({
    activeSessions: 1,
    insertions: 2,
    hits: 0,
    misses: 0,
    evictions: 1,
    maxSessions: 3,
    idleTtlSeconds: 600,
  });
});

test("without a lifetime sessions stay, and capacity still holds", () => {
  const { store, advance } = setUp({ idleTtlSeconds: 0 });
  store.bind("a", "alpha");
  advance(1_000_000);
  expect(store.lookUp("a")).toBe("alpha");
  for (const key of ["b", "c", "d"]) store.bind(key, "alpha");
  expect(store.statistics()).toMatchObject({ activeSessions: 3, evictions: 1 });
});

describe("a purge", () => {
  test("takes the sessions of endpoints that cannot be used, and no others", () => {
    const { store } = setUp({ maxSessions: 100 });
    for (let index = 0; index < 30; index++)
      store.bind(`key ${index}`, ["alpha", "beta", "gamma"][index % 3] ?? "");
    expect(store.purgeEndpoints((name) => name !== "beta")).toBe(10);
    expect(store.peek("key 1")).toBeUndefined();
    expect(store.peek("key 2")).toBe("gamma");
    expect(store.statistics()).toMatchObject({
      activeSessions: 20,
      insertions: 30,
      evictions: 10,
      hits: 0,
      misses: 0,
    });
  });

  test("asks about each endpoint once, and does not make anybody's session younger", () => {
    const { store, advance } = setUp({ maxSessions: 100 });
    for (let index = 0; index < 50; index++) store.bind(`key ${index}`, "alpha");
    advance(400);
    const asked: string[] = [];
    expect(store.purgeEndpoints((name) => asked.push(name) > 0)).toBe(0);
    expect(asked).toEqual(["alpha"]);
    advance(201);
    expect(store.statistics()).toMatchObject({ activeSessions: 0, evictions: 50 });
  });
});

describe("memory", () => {
  test("100,000 conversations leave no more than the limit", () => {
    const { store } = setUp({ maxSessions: 10_000 });
    for (let index = 0; index < 100_000; index++) store.bind(`key ${index}`, "alpha");
    expect(store.statistics()).toMatchObject({
      activeSessions: 10_000,
      insertions: 100_000,
      evictions: 90_000,
    });
    expect(store.peek("key 89999")).toBeUndefined();
    expect(store.peek("key 90000")).toBe("alpha");
  });

  test("without a limit what expired goes by itself, within two lifetimes", () => {
    const { store, advance } = setUp({ maxSessions: 0, idleTtlSeconds: 10 });
    let most = 0;
    for (let index = 0; index < 100_000; index++) {
      advance(0.01);
      store.bind(`key ${index}`, "alpha");
      most = Math.max(most, store.heldCount);
    }
    expect(most).toBeGreaterThanOrEqual(1_000);
    expect(most).toBeLessThanOrEqual(2_002);
  });

  test("a huge limit costs nothing before it is used", () => {
    const { store } = setUp({ maxSessions: Number.MAX_SAFE_INTEGER });
    store.bind("a", "alpha");
    expect(store.lookUp("a")).toBe("alpha");
  });
});
