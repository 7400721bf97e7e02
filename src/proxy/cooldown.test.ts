import { describe, expect, test } from "bun:test";
import { sampleCandidate } from "../../test/conformance/balancer.cases.ts";
import { createFakeClock } from "../../test/support/fake-clock.ts";
import { Cooldowns } from "./cooldown.ts";

function setUp() {
  const clock = createFakeClock(Date.UTC(2026, 10, 20, 12));
  return { clock, cooldowns: new Cooldowns({ clock, maxMs: 600_000 }) };
}

const answer = (status: number, headers: Record<string, string> = {}) => ({
  status,
  headers: new Headers(headers),
});

describe("how long", () => {
  test.each([
    ["seconds", { "Retry-After": "7" }, 7000],
    ["an HTTP date", { "Retry-After": "Fri, 20 Nov 2026 12:00:45 GMT" }, 45_000],
    ["milliseconds", { "retry-after-ms": "250" }, 250],
    ["milliseconds before seconds", { "retry-after-ms": "1500.5", "Retry-After": "2" }, 1500.5],
    ["seconds where the milliseconds are nonsense", { "retry-after-ms": "soon", "Retry-After": "2" }, 2000],
    ["years, capped", { "Retry-After": "99999999" }, 600_000],
    ["zero", { "Retry-After": "0" }, undefined],
    ["a past date", { "Retry-After": "Fri, 20 Nov 2026 11:00:00 GMT" }, undefined],
    ["a word", { "Retry-After": "soon" }, undefined],
    ["nothing", {}, undefined],
  ] as const)("%s", (_form, headers, expected) => {
    const { cooldowns } = setUp();
    expect(cooldowns.note("a", "m", answer(429, headers))).toBe(expected);
    expect(cooldowns.untilOf("a", "m")).toBe(expected);
  });
});

test("a 429 is about the model, whatever its case; other models and requests without one go on", () => {
  const { cooldowns } = setUp();
  cooldowns.note("a", "Llama3", answer(429, { "Retry-After": "5" }));
  expect(cooldowns.untilOf("a", "llama3")).toBe(5000);
  expect(cooldowns.untilOf("a", "qwen")).toBeUndefined();
  expect(cooldowns.untilOf("a", undefined)).toBeUndefined();
  expect(cooldowns.untilOf("b", "llama3")).toBeUndefined();
});

test.each([
  [503, "m"],
  [529, "m"],
  [429, undefined],
] as const)("a %i for model %p is about the whole endpoint", (status, model) => {
  const { cooldowns } = setUp();
  cooldowns.note("a", model, answer(status, { "Retry-After": "5" }));
  expect([cooldowns.untilOf("a", "other"), cooldowns.untilOf("a", undefined)]).toEqual([5000, 5000]);
});

test("it ends on time and leaves nothing behind", () => {
  const { cooldowns, clock } = setUp();
  cooldowns.note("a", "m", answer(429, { "Retry-After": "5" }));
  cooldowns.note("b", "m", answer(503, { "Retry-After": "5" }));
  clock.advance(4999);
  expect([cooldowns.untilOf("a", "m"), cooldowns.untilOf("b", "m")]).toEqual([5000, 5000]);
  expect(cooldowns.active()).toEqual([
    { endpointName: "a", model: "m", remainingMs: 1 },
    { endpointName: "b", model: undefined, remainingMs: 1 },
  ]);
  clock.advance(1);
  expect([cooldowns.untilOf("a", "m"), cooldowns.untilOf("b", "m")]).toEqual([undefined, undefined]);
  expect(cooldowns.active()).toEqual([]);
});

test("a later, shorter wish does not end a longer one early", () => {
  const { cooldowns } = setUp();
  cooldowns.note("a", "m", answer(429, { "Retry-After": "60" }));
  cooldowns.note("a", "m", answer(429, { "Retry-After": "1" }));
  cooldowns.note("b", undefined, answer(503, { "Retry-After": "60" }));
  cooldowns.note("b", undefined, answer(503, { "Retry-After": "1" }));
  expect([cooldowns.untilOf("a", "m"), cooldowns.untilOf("b", "m")]).toEqual([60_000, 60_000]);
});

test("the longer of endpoint and model counts", () => {
  const { cooldowns } = setUp();
  cooldowns.note("a", "m", answer(429, { "Retry-After": "60" }));
  cooldowns.note("a", "m", answer(503, { "Retry-After": "5" }));
  expect([cooldowns.untilOf("a", "m"), cooldowns.untilOf("a", "n")]).toEqual([60_000, 5000]);
});

describe("among candidates", () => {
  const [a, b] = [sampleCandidate("a"), sampleCandidate("b")];

  test("the very list comes back while nothing cools, and those left when something does", () => {
    const { cooldowns } = setUp();
    const all = [a, b];
    expect(cooldowns.ready(all)).toBe(all);
    cooldowns.note("c", undefined, answer(503, { "Retry-After": "5" }));
    expect(cooldowns.ready(all)).toBe(all);
    cooldowns.note("a", undefined, answer(503, { "Retry-After": "5" }));
    expect(cooldowns.ready(all)).toEqual([b]);
  });

  test("when all cool, the caller learns how long it takes until the first is back", () => {
    const { cooldowns, clock } = setUp();
    expect(cooldowns.smallestRemainingMs([a, b])).toBe(0);
    cooldowns.note("a", undefined, answer(503, { "Retry-After": "20" }));
    expect(cooldowns.smallestRemainingMs([a, b])).toBe(0);
    cooldowns.note("b", undefined, answer(503, { "Retry-After": "8" }));
    clock.advance(3000);
    expect(cooldowns.smallestRemainingMs([a, b])).toBe(5000);
    expect(cooldowns.smallestRemainingMs([a])).toBe(17_000);
    expect(cooldowns.smallestRemainingMs([])).toBe(0);
  });
});

test("names that clients make up do not fill the memory, and the endpoint's own time stays", () => {
  const { cooldowns } = setUp();
  cooldowns.note("a", undefined, answer(503, { "Retry-After": "30" }));
  for (let index = 0; index < 5000; index++) {
    cooldowns.note("a", `made-up-${index}`, answer(429, { "Retry-After": "60" }));
  }
  expect(cooldowns.active().length).toBeLessThanOrEqual(257);
  expect(cooldowns.untilOf("a", "made-up-4999")).toBe(60_000);
  expect(cooldowns.untilOf("a", "made-up-0")).toBe(30_000);
});

test("an endpoint that went away, or is another one now, starts afresh", () => {
  const { cooldowns } = setUp();
  for (const name of ["a", "b", "c"]) cooldowns.note(name, undefined, answer(503, { "Retry-After": "30" }));
  cooldowns.forget("a");
  cooldowns.retainEndpoints(["a", "b"]);
  expect(["a", "b", "c"].map((name) => cooldowns.untilOf(name, undefined))).toEqual([
    undefined,
    30_000,
    undefined,
  ]);
});
