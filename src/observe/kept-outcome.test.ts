import { describe, expect, test } from "bun:test";
import { boundOutcome, isOnRecord } from "./kept-outcome.ts";
import type { Outcome } from "./outcome.ts";

const outcome = {
  path: "/olla/proxy/v1/chat/completions",
  query: "",
  userAgent: "curl",
  model: "tiny",
  attempts: [],
  route: "proxy",
} as unknown as Outcome;

describe("isOnRecord", () => {
  test.each(["proxy", "local", "openai", "anthropic", "ollama"])("%s is", (route) => {
    expect(isOnRecord({ ...outcome, route })).toBe(true);
  });

  test.each(["internal", "models", "ui", "other"])("%s is not", (route) => {
    expect(isOnRecord({ ...outcome, route })).toBe(false);
  });
});

describe("boundOutcome", () => {
  test("leaves an ordinary one as it is", () => {
    expect(boundOutcome(outcome)).toBe(outcome);
  });

  test("shortens what a client made too long, and lets go of what it was cut out of", () => {
    const long = "x".repeat(1_000_000);
    const error = { code: "model_not_found", message: `Model ${long} not found` } as const;
    const attempt = {
      endpoint: "a",
      model: long,
      durationMs: 1,
      status: 404,
      error: undefined,
      message: long,
    };
    for (const changes of [
      { path: `/${long}` },
      { query: long },
      { userAgent: long },
      { model: long },
      { requestedModel: long },
      { error },
      { attempts: [attempt] },
      { usage: { model: long, finish_reason: long, input_tokens: 1 } },
    ]) {
      const bounded = boundOutcome({ ...outcome, ...changes, considered: () => [] });
      expect(JSON.stringify(bounded).length).toBeLessThan(5_000);
      expect(bounded.considered).toBeUndefined();
      expect(bounded.route).toBe("proxy");
    }
  });
});
