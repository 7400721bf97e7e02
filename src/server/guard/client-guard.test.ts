import { describe, expect, test } from "bun:test";
import { outcomeOf } from "../../../test/server/test-server.ts";
import { createFakeClock } from "../../../test/support/fake-clock.ts";
import { digestOf } from "../../lib/key-digest.ts";
import type { Outcome } from "../../observe/outcome.ts";
import { type Arrival, arrive } from "../arrival.ts";
import { type ClientGuardSettings, createClientGuard, type Entry, type RequestKind } from "./client-guard.ts";
import type { ClientKeySettings } from "./client-keys.ts";

const unlimited: ClientGuardSettings = {
  keys: [],
  globalPerMinute: 0,
  perAddressPerMinute: 0,
  healthPerMinute: 0,
  burst: 50,
  sweepMs: 300_000,
};

function keyOf(text: string, changes: Partial<ClientKeySettings> = {}): ClientKeySettings {
  return {
    name: text,
    digest: digestOf(text),
    models: [],
    requestsPerMinute: 0,
    tokensPerMinute: 0,
    maxParallel: 0,
    expiresAt: undefined,
    priority: 0,
    isLocalOnly: false,
    ...changes,
  };
}

interface Asked {
  readonly key?: string;
  readonly headers?: Record<string, string>;
  readonly address?: string;
  readonly kind?: RequestKind;
  readonly query?: string;
}

function createHarness(settings: Partial<ClientGuardSettings>) {
  const clock = createFakeClock();
  const guard = createClientGuard({ ...unlimited, ...settings }, clock);
  const arrivalOf = ({ key, headers = {}, address = "192.0.2.1", query = "" }: Asked): Arrival => {
    const all = key === undefined ? headers : { ...headers, Authorization: `Bearer ${key}` };
    const request = new Request(`http://olla.test/olla/proxy/v1/x${query}`, { headers: all });
    return arrive(request, { requestIP: () => ({ address }), timeout() {} }, clock);
  };
  const enter = (asked: Asked = {}): Entry | undefined =>
    guard?.enter(arrivalOf(asked), asked.kind ?? "inference");
  const codeOf = (asked: Asked = {}): string => enter(asked)?.refusal?.code ?? "passes";
  return { clock, guard, enter, codeOf };
}

function countPassing(codeOf: (asked?: Asked) => string, asked: Asked, tries: number): number {
  return Array.from({ length: tries }, () => codeOf(asked)).filter((code) => code === "passes").length;
}

test("without keys and limits there is no guard", () => {
  expect(createHarness({}).guard).toBeUndefined();
});

describe("limits", () => {
  test("each address has its burst, then its rate", () => {
    const { clock, codeOf } = createHarness({ perAddressPerMinute: 60, burst: 5 });
    expect(countPassing(codeOf, {}, 20)).toBe(5);
    expect(codeOf({ address: "192.0.2.2" })).toBe("passes");
    clock.advance(2_000);
    expect(countPassing(codeOf, {}, 20)).toBe(2);
  });

  test("all addresses together have theirs, whatever each has", () => {
    const { codeOf } = createHarness({ globalPerMinute: 60, perAddressPerMinute: 0, burst: 5 });
    const codes = Array.from({ length: 8 }, (_, index) => codeOf({ address: `192.0.2.${index}` }));
    expect(codes.filter((code) => code === "rate_limited")).toHaveLength(3);
  });

  test("an address that is refused uses up nothing of what all have together", () => {
    const { clock, codeOf } = createHarness({ globalPerMinute: 600, perAddressPerMinute: 60, burst: 5 });
    expect(countPassing(codeOf, {}, 100)).toBe(5);
    clock.advance(100);
    expect(countPassing(codeOf, {}, 100)).toBe(0);
    expect(codeOf({ address: "192.0.2.9" })).toBe("passes");
  });

  test("a refusal says who, how many and until when", () => {
    const { enter } = createHarness({ perAddressPerMinute: 2, burst: 1 });
    expect(enter()?.headers.slice(0, 2)).toEqual([
      ["X-RateLimit-Limit", "2"],
      ["X-RateLimit-Remaining", "0"],
    ]);
    const refusal = enter()?.refusal;
    expect(refusal?.status).toBe(429);
    expect(refusal?.retryAfterSeconds).toBe(30);
    expect(refusal?.message).toContain("this client address may send 2 a minute");
  });

  test("health has a limit of its own, and the others do not count it", () => {
    const { codeOf } = createHarness({ healthPerMinute: 60, perAddressPerMinute: 60, burst: 2 });
    expect(countPassing(codeOf, { kind: "health" }, 5)).toBe(2);
    expect(countPassing(codeOf, { kind: "own" }, 5)).toBe(2);
    expect(countPassing(codeOf, { kind: "open" }, 5)).toBe(5);
  });

  test("health is for everybody where keys are asked for, and unlimited where it has no limit", () => {
    const { enter } = createHarness({ keys: [keyOf("k")], perAddressPerMinute: 1, burst: 1 });
    expect([enter({ kind: "health" }), enter({ kind: "open" })]).toEqual([undefined, undefined]);
  });
});

describe("keys", () => {
  test("are found in each header that may hold one, and name their owner", () => {
    const { enter } = createHarness({
      keys: [keyOf("k-one", { name: "one" }), keyOf("k-two", { name: "two" })],
    });
    const basic = `Basic ${btoa("anybody:k-two")}`;
    const found = [
      { key: "k-one" },
      { headers: { "x-api-key": "k-two" } },
      { headers: { Authorization: basic } },
      { key: "placeholder", headers: { "x-api-key": "k-one" } },
    ].map((asked) => enter(asked)?.clientKey?.name);
    expect(found).toEqual(["one", "two", "two", "one"]);
  });

  test.each<[string, Asked, string]>([
    ["no key", {}, "asks for an API key"],
    ["a wrong one", { key: "K" }, "not known"],
    ["its own hash", { key: digestOf("k") }, "not known"],
    ["an empty one", { headers: { "x-api-key": "" } }, "holds no key"],
    ["one that came twice", { headers: { "x-api-key": "k, k" } }, "more than once"],
    ["another scheme", { headers: { Authorization: "Digest k" } }, "must say Bearer"],
    ["one in the address", { query: "?key=k" }, "in the address"],
    ["one in the address besides the right header", { key: "k", query: "?x=1&api_key=k" }, "in the address"],
  ])("%s is answered with 401 and a challenge", (_what, asked, message) => {
    const entry = createHarness({ keys: [keyOf("k")] }).enter(asked);
    expect([entry?.refusal?.status, entry?.refusal?.code]).toEqual([401, "unauthorized"]);
    expect(entry?.refusal?.message).toContain(message);
    expect(entry?.headers).toEqual([["WWW-Authenticate", 'Bearer realm="Olla"']]);
  });

  test("a browser that shows a page is offered to ask for a password", () => {
    const { enter } = createHarness({ keys: [keyOf("k")] });
    const [[, challenge] = []] = enter({ headers: { "Sec-Fetch-Mode": "navigate" } })?.headers ?? [];
    expect(challenge).toBe('Basic realm="Olla", charset="UTF-8", Bearer realm="Olla"');
  });

  test("an expired one is told so, with its name for the log", () => {
    const clock = createFakeClock();
    const { enter, clock: own } = createHarness({
      keys: [keyOf("k", { expiresAt: clock.wallTime() + 1_000 })],
    });
    expect(enter({ key: "k" })?.refusal).toBeUndefined();
    own.advance(1_000);
    const entry = enter({ key: "k" });
    expect([entry?.refusal?.code, entry?.refusal?.status, entry?.clientKey?.name]).toEqual([
      "key_expired",
      401,
      "k",
    ]);
    expect(entry?.refusal?.message).toContain("2026-01-01T00:00:01");
  });

  test("that are wrong are limited by address, and right ones are let in all the same", () => {
    const { clock, codeOf } = createHarness({ keys: [keyOf("k")] });
    const codes = Array.from({ length: 10_000 }, (_, index) => codeOf({ key: `wrong-${index}` }));
    expect(codes.filter((code) => code === "unauthorized")).toHaveLength(30);
    expect(codes.filter((code) => code === "rate_limited")).toHaveLength(9_970);
    expect([codeOf({ key: "k" }), codeOf({ key: "x", address: "192.0.2.2" })]).toEqual([
      "passes",
      "unauthorized",
    ]);
    clock.advance(2_000);
    expect(codeOf({ key: "x" })).toBe("unauthorized");
  });

  test("nobody without one uses up what those have who have one", () => {
    const { codeOf } = createHarness({
      keys: [keyOf("k")],
      globalPerMinute: 60,
      perAddressPerMinute: 60,
      burst: 1,
    });
    for (let round = 0; round < 100; round += 1) codeOf({ key: "wrong" });
    expect(codeOf({ key: "k" })).toBe("passes");
  });

  test("have requests of their own, never more at once than in a minute", () => {
    const { clock, codeOf } = createHarness({
      keys: [keyOf("few", { requestsPerMinute: 3 }), keyOf("many", { requestsPerMinute: 600 })],
      burst: 10,
    });
    expect(countPassing(codeOf, { key: "few" }, 20)).toBe(3);
    expect(countPassing(codeOf, { key: "many", kind: "own" }, 20)).toBe(10);
    clock.advance(20_000);
    expect(countPassing(codeOf, { key: "few" }, 20)).toBe(1);
  });

  test("admit models by name, in any case, with or without the tag that is there anyway", () => {
    const { enter } = createHarness({
      keys: [keyOf("k", { models: ["llama3", "*coder*", "qwen:latest"] }), keyOf("all")],
    });
    const key = enter({ key: "k" })?.clientKey;
    const admitted = ["llama3", "LLAMA3:latest", "qwen", "org/Coder-7b", "llama3:8b", "llama", ""].map(
      (name) => key?.admitsModel(name),
    );
    expect(admitted).toEqual([true, true, true, true, false, false, false]);
    expect(enter({ key: "all" })?.clientKey?.admitsModel("")).toBe(true);
  });
});

describe("requests under way", () => {
  const keys = [keyOf("k", { maxParallel: 2 })];

  test("are limited by key, and what has ended makes room, once", () => {
    const { enter, codeOf } = createHarness({ keys });
    const first = enter({ key: "k" })?.lease;
    enter({ key: "k" });
    expect(enter({ key: "k" })?.refusal).toMatchObject({ code: "rate_limited", retryAfterSeconds: 1 });
    first?.end();
    first?.end();
    expect([codeOf({ key: "k" }), codeOf({ key: "k" })]).toEqual(["passes", "rate_limited"]);
  });

  test("do not count lists, and a refusal by another limit takes no place", () => {
    const { enter, codeOf } = createHarness({ keys, perAddressPerMinute: 60, burst: 3 });
    enter({ key: "k", kind: "own" });
    const place = enter({ key: "k" })?.lease;
    enter({ key: "k" });
    expect(enter({ key: "k", address: "192.0.2.2" })?.refusal?.message).toContain("at once");
    place?.end();
    expect(enter({ key: "k" })?.refusal?.message).toContain("this client address");
    expect([codeOf({ key: "k", address: "192.0.2.2" }), codeOf({ key: "k", address: "192.0.2.2" })]).toEqual([
      "passes",
      "rate_limited",
    ]);
  });
});

describe("tokens", () => {
  const keys = [keyOf("k", { tokensPerMinute: 600 })];
  const used = (changes: Partial<Outcome>) => outcomeOf({ usage: undefined, ...changes });

  test("are charged when an answer has ended, and below zero a key waits until it has recovered", () => {
    const { clock, enter, codeOf } = createHarness({ keys });
    const lease = enter({ key: "k" })?.lease;
    expect(lease?.needsUsage).toBe(true);
    lease?.end(used({ usage: { input_tokens: 700, output_tokens: 200 } }));
    const refusal = enter({ key: "k" })?.refusal;
    expect([refusal?.code, refusal?.retryAfterSeconds]).toEqual(["rate_limited", 31]);
    expect(refusal?.message).toContain("600 a minute");
    expect(codeOf({ key: "k", kind: "own" })).toBe("passes");
    clock.advance(30_000);
    expect(codeOf({ key: "k" })).toBe("rate_limited");
    clock.advance(100);
    expect(codeOf({ key: "k" })).toBe("passes");
  });

  test("of a stream that ended without a count are guessed, so that to hang up does not pay", () => {
    const { enter } = createHarness({ keys });
    enter({ key: "k" })?.lease?.end(
      used({ isStream: true, requestBytes: 400, responseBytes: 120_000, ending: "client-abort" }),
    );
    expect(enter({ key: "k" })?.refusal?.message).toContain("Too many tokens");
  });

  test("of an answer that says none and is no stream are none", () => {
    const { enter, codeOf } = createHarness({ keys });
    enter({ key: "k" })?.lease?.end(used({ requestBytes: 50_000_000, responseBytes: 1_000 }));
    expect(codeOf({ key: "k" })).toBe("passes");
  });

  test("are not asked for where they are not limited", () => {
    expect(createHarness({ keys: [keyOf("k")] }).enter({ key: "k" })?.lease?.needsUsage).toBe(false);
  });
});
