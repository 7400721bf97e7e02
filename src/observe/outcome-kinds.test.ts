import { describe, expect, test } from "bun:test";
import type { AttemptRecord, Outcome } from "./outcome.ts";
import { type Alike, hasOneStory, OutcomeKinds } from "./outcome-kinds.ts";

const attempt: AttemptRecord = {
  endpoint: "alpha",
  model: "tiny",
  durationMs: 1,
  status: 200,
  error: undefined,
  message: undefined,
};
const usual: Outcome = {
  requestId: "one",
  receivedAt: 1,
  method: "POST",
  path: "/olla/proxy/v1/chat/completions",
  route: "proxy",
  dialect: "openai",
  query: "",
  clientAddress: "10.0.0.1",
  clientKey: "team",
  userAgent: "curl",
  requestedModel: "small",
  model: "tiny",
  endpoint: "alpha",
  backendType: "vllm",
  tier: undefined,
  status: 200,
  isStream: false,
  requestBytes: 1,
  responseBytes: 1,
  durationMs: 1,
  headMs: 1,
  queueMs: 0,
  stickyOutcome: undefined,
  ending: "complete",
  error: undefined,
  attempts: [attempt],
  decision: { strategy: "strict", action: "routed", reason: "found" },
  clientApi: { name: "anthropic", mode: "passthrough", fallback: undefined, wantsStream: false },
  usage: { model: "tiny-1", finish_reason: "stop" },
  considered: () => [],
};

/** Another value for each thing that a kind is told by: whoever adds one has to add it here. */
const changes: Record<keyof Alike, readonly Partial<Outcome>[]> = {
  method: [{ method: "PUT" }],
  path: [{ path: "/olla/proxy/v1/completions" }],
  route: [{ route: "openai" }],
  dialect: [{ dialect: "anthropic" }],
  clientAddress: [{ clientAddress: "10.0.0.2" }],
  clientKey: [{ clientKey: undefined }],
  userAgent: [{ userAgent: undefined }],
  requestedModel: [{ requestedModel: "large" }],
  model: [{ model: "huge" }],
  endpoint: [{ endpoint: "beta" }],
  backendType: [{ backendType: "ollama" }],
  tier: [{ tier: "cloud" }],
  status: [{ status: 201 }],
  isStream: [{ isStream: true }],
  ending: [{ ending: "client-abort" }],
  error: [
    { error: { code: "reset", message: "a" } },
    { error: { code: "reset", message: "b" } },
    { error: { code: "internal", message: "b" } },
  ],
  stickyOutcome: [{ stickyOutcome: "hit" }],
  decision: [{ decision: undefined }],
  considered: [{ considered: () => [] }],
  attempts: [
    { attempts: [] },
    { attempts: [{ ...attempt, endpoint: "beta" }] },
    { attempts: [{ ...attempt, model: "huge" }] },
    { attempts: [{ ...attempt, status: 201 }] },
    { attempts: [{ ...attempt, error: "reset" }] },
    { attempts: [{ ...attempt, message: "gone" }] },
    { attempts: [attempt, attempt] },
  ],
  heldBack: [{ heldBack: [{ endpoint: "beta", model: undefined, reason: "draining", atMs: 1 }] }],
  clientApi: [
    { clientApi: undefined },
    { clientApi: { name: "responses", mode: "passthrough", fallback: undefined, wantsStream: false } },
    { clientApi: { name: "anthropic", mode: "translation", fallback: undefined, wantsStream: false } },
  ],
  usage: [
    { usage: undefined },
    { usage: { model: "tiny-2", finish_reason: "stop" } },
    { usage: { model: "tiny-1", finish_reason: "length" } },
  ],
};

describe("two requests are of one kind", () => {
  test("when they differ in ids, times, sizes and tokens alone", () => {
    const kinds = new OutcomeKinds();
    const kind = kinds.of(usual);
    const other: Outcome = {
      ...usual,
      requestId: "two",
      receivedAt: 2,
      durationMs: 7,
      headMs: 5,
      queueMs: 3,
      requestBytes: 2,
      responseBytes: 9,
      attempts: [{ ...attempt, durationMs: 4, startedMs: 1, queuedMs: 2, spanId: "abc" }],
      usage: { model: "tiny-1", finish_reason: "stop", input_tokens: 4 },
      milestones: { bodyMs: 1, inspectedMs: 2, routedMs: 3, firstSentMs: 4 },
      clientApi: { name: "anthropic", mode: "passthrough", fallback: undefined, wantsStream: true },
    };
    expect(kinds.of(other)).toBe(kind);
    expect(kinds.of(usual)).toBe(kind);
  });

  test.each(Object.entries(changes))("but not when they differ in %s", (_name, differences) => {
    const all = [{}, ...differences];
    for (const [index, one] of all.entries()) {
      for (const other of all.slice(index + 1)) {
        const kinds = new OutcomeKinds();
        const kind = kinds.of({ ...usual, ...one });
        expect(kinds.of({ ...usual, ...other })).not.toBe(kind);
        expect(kinds.of({ ...usual, ...one }) === kind).toBe(hasOneStory(kind.common));
      }
    }
  });
});

test("a request of several attempts is like no other, not even like itself", () => {
  const kinds = new OutcomeKinds();
  const retried = { ...usual, attempts: [attempt, attempt] };
  expect(kinds.of({ ...retried })).not.toBe(kinds.of({ ...retried }));
});

test("many kinds are remembered, but only so many, and the last ones", () => {
  const kinds = new OutcomeKinds();
  const numbered = (number: number): Outcome => ({
    ...usual,
    clientAddress: `10.0.${number % 7}.${number % 251}`,
    model: `model-${number % 10}`,
  });
  const first = Array.from({ length: 100 }, (_, number) => kinds.of(numbered(number)));
  const again = Array.from({ length: 100 }, (_, number) => kinds.of(numbered(number)));
  expect(again.filter((kind, number) => kind === first[number]).length).toBeGreaterThan(95);
  for (let number = 0; number < 10_000; number += 1) {
    kinds.of({ ...usual, clientAddress: `10.1.1.${number % 100}`, model: `m-${Math.floor(number / 100)}` });
  }
  expect(first.filter((kind, number) => kinds.of(numbered(number)) === kind)).toHaveLength(0);
});

test("what cannot be explained is not remembered", () => {
  const kinds = new OutcomeKinds();
  const broken = () => {
    throw new Error("gone");
  };
  const outcome = { ...usual, considered: broken };
  expect(kinds.of(outcome)).not.toBe(kinds.of(outcome));
});

test("what a request was decided by is let go", () => {
  let isAsked = false;
  const considered = () => {
    isAsked = true;
    return [];
  };
  new OutcomeKinds().of({ ...usual, considered });
  expect(isAsked).toBe(true);
});
