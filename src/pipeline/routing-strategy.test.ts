import { expect, test } from "bun:test";
import { strictRouting } from "./routing-strategy.ts";

const none: readonly string[] = [];

test("strict: where the model is and may be used", () => {
  const verdict = strictRouting({ isKnown: true, having: ["a"], unread: ["b"], usable: ["a", "b", "c"] });
  expect(verdict).toEqual({
    places: ["a"],
    decision: { strategy: "strict", action: "routed", reason: "model_found" },
  });
});

test("strict: an endpoint whose models were never read may have it", () => {
  const decision = { strategy: "strict", action: "fallback", reason: "models_not_read_yet" } as const;
  const usable = ["a", "b"];
  expect(strictRouting({ isKnown: false, having: none, unread: ["b"], usable })).toEqual({
    places: ["b"],
    decision,
  });
  expect(strictRouting({ isKnown: true, having: none, unread: ["b"], usable })).toEqual({
    places: ["b"],
    decision,
  });
});

test("strict: known, but only where nothing can be sent", () => {
  expect(strictRouting({ isKnown: true, having: none, unread: none, usable: ["c"] })).toEqual({
    code: "model_unavailable",
    decision: { strategy: "strict", action: "rejected", reason: "model_unavailable" },
  });
});

test("strict: nobody has it", () => {
  expect(strictRouting({ isKnown: false, having: none, unread: none, usable: ["c"] })).toEqual({
    code: "model_not_found",
    decision: { strategy: "strict", action: "rejected", reason: "model_not_found" },
  });
});
